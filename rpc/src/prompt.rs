//! Asking somebody for what is needed and not given.

use std::fmt;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};

use crate::credentials::Secret;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wanted {
    /// A user's name.
    Username,
    /// A user's password.
    Password,
    /// What opens a private key.
    Passphrase,
    /// What an SSH server asks by itself (`keyboard-interactive`), such as a one-time code.
    Answer,
}

/// A question to whoever knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question {
    /// What is asked for.
    pub wanted: Wanted,
    /// What it is for: `SSH`, or a mechanism of SASL such as `SCRAM-SHA-256`.
    pub purpose: String,
    /// The host that wants it.
    pub host: String,
    /// Whose password it is, which key the passphrase opens, or the words of the server's question.
    pub of: Option<String>,
}

type Ask = dyn Fn(Question) -> BoxFuture<'static, Option<Secret>> + Send + Sync;

/// Somebody who can be asked. Only what is needed and neither given nor found is asked for, once on
/// each connection; nothing of an answer is kept or logged.
///
/// The time that an answer takes counts: see
/// [`ConnectOptions::connect_timeout`](crate::ConnectOptions::connect_timeout).
#[derive(Clone)]
pub struct Prompt(Arc<Ask>);

impl Prompt {
    /// Asks that function. None is no answer.
    pub fn new<F, A>(ask: F) -> Self
    where
        F: Fn(Question) -> A + Send + Sync + 'static,
        A: Future<Output = Option<Secret>> + Send + 'static,
    {
        Self(Arc::new(move |question| ask(question).boxed()))
    }

    pub(crate) async fn ask(&self, question: Question) -> Option<Secret> {
        (self.0)(question).await
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompt")
    }
}

/// Two are equal if they are one.
impl PartialEq for Prompt {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Prompt {}
