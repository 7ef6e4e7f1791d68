//! The content of a URL to its end, however often the connection is cut: the rest is asked for where
//! it stopped.

use bytes::Bytes;

use super::fetch::{self, Body, FetchError, Policy, Rest};

/// How often it is asked again before anything more has come.
const ATTEMPTS: u32 = 4;

/// The content of a URL.
#[derive(Debug)]
pub(super) struct Download {
    /// How many bytes it has, if the server says so.
    pub(super) length: Option<u64>,
    url: String,
    policy: Policy,
    // Whether what comes in the end is held against a checksum.
    has_checksum: bool,
    body: Body,
    received: u64,
    // How often it was asked again since something came.
    attempts: u32,
}

impl Download {
    /// Asks for it.
    ///
    /// # Errors
    /// When it may not be fetched, or cannot be, or when nobody could tell that all of it has come.
    pub(super) async fn open(url: &str, policy: Policy) -> Result<Self, FetchError> {
        let body = fetch::open(url, &policy).await?;
        if !body.has_end {
            return Err(FetchError::Url {
                url: fetch::shown_text(url),
                reason: "the server does not say how long the content is (no Content-Length)",
            });
        }
        Ok(Self {
            length: body.length,
            url: url.to_owned(),
            has_checksum: policy.checksum,
            policy,
            body,
            received: 0,
            attempts: 0,
        })
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// When it stands still or is cut, and the rest cannot be had.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let error = match self.body.chunk().await {
                Ok(chunk) => {
                    self.received += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
                    self.attempts = 0;
                    return Ok(chunk);
                }
                Err(error) => error,
            };
            self.resume(error.after(self.received)).await?;
        }
    }

    // Without a name for this very content only a checksum can tell whether the rest belongs to it.
    async fn resume(&mut self, mut error: FetchError) -> Result<(), FetchError> {
        let version = self.body.version.clone();
        let certain = version.is_some() || self.has_checksum;
        let Some(length) = self
            .length
            .filter(|length| certain && self.received < *length)
        else {
            return Err(error);
        };
        let rest = Rest {
            from: self.received,
            length,
            version: version.clone(),
        };
        while self.attempts < ATTEMPTS {
            tokio::time::sleep(self.policy.pause * (1 << self.attempts)).await;
            self.attempts += 1;
            tracing::debug!(%error, from = self.received, "the rest is asked for");
            match fetch::resume(&self.url, &self.policy, &rest).await {
                Ok(body) => {
                    self.body = body;
                    self.body.version = version;
                    return Ok(());
                }
                Err(refused @ FetchError::Changed { .. }) => return Err(refused),
                Err(again) => error = again,
            }
        }
        Err(error)
    }

    #[cfg(test)]
    pub(super) fn set_checksum(&mut self, checksum: bool) {
        self.has_checksum = checksum;
    }
}
