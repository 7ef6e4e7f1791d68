//! Secrets of the namespaces in which machines are. Each is read by its name when something is made
//! from it: they are neither listed nor watched, so that nobody has to grant more than `get`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tokio::time::Instant;

/// A machine is looked at several times in a row; its Secrets are read once.
const FRESH: Duration = Duration::from_secs(10);
/// How soon, and how late, a Secret that is not there is looked for again.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(30);

// Nobody may be looking for it any more.
const FORGOTTEN: Duration = Duration::from_secs(3_600);

type Data = Arc<Vec<(String, Vec<u8>)>>;
type Named = (String, String);

/// The Secrets as they were read last.
#[derive(Default)]
pub struct SecretReader {
    // The namespace of who reads them, and whether what is there is given to nobody else.
    own: String,
    closed: bool,
    found: Mutex<HashMap<Named, (Instant, Data)>>,
    missed: Mutex<HashMap<Named, Instant>>,
}

// What was read is not for printing.
impl fmt::Debug for SecretReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretReader")
    }
}

/// What there is of a Secret.
#[derive(Clone)]
pub enum Found {
    /// What it has.
    Data(Data),
    /// It is not there.
    Missing,
    /// The operator may not read it.
    Denied,
    /// It is of the operator's own namespace.
    Closed,
}

impl SecretReader {
    /// Of an operator with a namespace of its own, which has the keys of hosts.
    #[must_use]
    pub fn of_operator(namespace: &str) -> Self {
        Self {
            closed: true,
            ..Self::of_person(namespace)
        }
    }

    /// Of a person, who has one namespace for everything.
    #[must_use]
    pub fn of_person(namespace: &str) -> Self {
        Self {
            own: namespace.to_owned(),
            ..Self::default()
        }
    }

    /// The namespace of who reads them.
    #[must_use]
    pub fn own(&self) -> &str {
        &self.own
    }

    /// What there is of a Secret of one's own, which the administrator's objects name.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn read_own(&self, client: &Client, name: &str) -> kube::Result<Found> {
        self.find(client, &self.own, name).await
    }

    /// What there is of a Secret now, or was some seconds ago.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn read(&self, client: &Client, namespace: &str, name: &str) -> kube::Result<Found> {
        match self.closed && self.own == namespace {
            true => Ok(Found::Closed),
            false => self.find(client, namespace, name).await,
        }
    }

    async fn find(&self, client: &Client, namespace: &str, name: &str) -> kube::Result<Found> {
        let named = (namespace.to_owned(), name.to_owned());
        if let Some(data) = self.recent(&named) {
            return Ok(Found::Data(data));
        }
        let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
        let found = match secrets.get_opt(name).await {
            Ok(Some(secret)) => {
                let data = Arc::new(data(secret));
                lock(&self.found).insert(named.clone(), (Instant::now(), Arc::clone(&data)));
                lock(&self.missed).remove(&named);
                return Ok(Found::Data(data));
            }
            Ok(None) => Found::Missing,
            Err(kube::Error::Api(status)) if status.code == 403 => Found::Denied,
            Err(error) => return Err(error),
        };
        let mut missed = lock(&self.missed);
        missed.retain(|_, since| since.elapsed() < FORGOTTEN);
        missed.entry(named).or_insert_with(Instant::now);
        Ok(found)
    }

    /// When to look again for a Secret that is not there: the longer it has been so, the later. One that
    /// is there and has not what it should is somebody's to mend just now.
    #[must_use]
    pub fn again(&self, namespace: &str, names: &[&str]) -> Duration {
        let missed = lock(&self.missed);
        let since = |name: &&str| missed.get(&(namespace.to_owned(), (*name).to_owned()));
        let longest = names.iter().filter_map(since).map(Instant::elapsed).max();
        longest.unwrap_or(FRESH).clamp(SOON, LATE)
    }

    // What is older is not kept.
    fn recent(&self, named: &Named) -> Option<Data> {
        let mut found = lock(&self.found);
        found.retain(|_, (at, _)| at.elapsed() < FRESH);
        found.get(named).map(|(_, data)| Arc::clone(data))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// A file has `stringData`, the API server never.
fn data(secret: Secret) -> Vec<(String, Vec<u8>)> {
    let binary = secret.data.unwrap_or_default().into_iter();
    let binary = binary.map(|(key, ByteString(bytes))| (key, bytes));
    let text = secret.string_data.unwrap_or_default().into_iter();
    binary
        .chain(text.map(|(key, text)| (key, text.into_bytes())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{SecretReader, lock};

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_is_looked_for_less_and_less() {
        let reader = SecretReader::default();
        let again = || reader.again("shop", &["ci", "keys"]);
        assert_eq!(
            again(),
            Duration::from_secs(10),
            "it is there, and has not what it should"
        );
        let named = ("shop".to_owned(), "ci".to_owned());
        lock(&reader.missed).insert(named, Instant::now());
        let mut waits = Vec::new();
        for _ in 0..7 {
            let wait = again();
            waits.push(wait.as_secs());
            tokio::time::advance(wait).await;
        }
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 30]);
    }

    #[test]
    fn it_is_not_printed() {
        assert_eq!(format!("{:?}", SecretReader::default()), "SecretReader");
    }
}
