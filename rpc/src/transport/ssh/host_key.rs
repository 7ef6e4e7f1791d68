//! Whether the server is who it should be.

use std::sync::{Arc, Mutex, PoisonError};

use russh::client;
use russh::keys::{HashAlg, PublicKeyOrCertificate};

use crate::refusal::Refusal;
use crate::transport::known_hosts::{self, Judgement};

/// What there is against a server's key.
#[derive(Clone, Default)]
pub(super) struct Against(Arc<Mutex<Option<Refusal>>>);

impl Against {
    pub(super) fn take(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, refusal: Refusal) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
    }
}

/// Judges the key that the server shows, and keeps what there is against it.
pub(in crate::transport) struct HostKey {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) known_hosts: Option<String>,
    pub(super) against: Against,
}

impl client::Handler for HostKey {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let Some(known_hosts) = &self.known_hosts else {
            return Ok(true);
        };
        let server = self.host.clone();
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            self.against.put(Refusal::HostKeyCertificate { server });
            return Ok(false);
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        self.against.put(
            match known_hosts::judge(known_hosts, &self.host, self.port, key) {
                Judgement::Known => return Ok(true),
                Judgement::Unknown => Refusal::HostKeyUnknown {
                    server,
                    fingerprint,
                },
                Judgement::Changed => Refusal::HostKeyChanged {
                    server,
                    fingerprint,
                },
            },
        );
        Ok(false)
    }
}

/// The server has no key that could be shown without a certificate.
pub(super) fn only_certificates(host: &str, error: &russh::Error) -> Option<Refusal> {
    let russh::Error::NoCommonAlgo { theirs, .. } = error else {
        return None;
    };
    let mut theirs = theirs.iter().peekable();
    theirs.peek()?;
    let all = theirs.all(|name| name.ends_with("-cert-v01@openssh.com"));
    all.then(|| Refusal::HostKeyCertificate {
        server: host.to_owned(),
    })
}
