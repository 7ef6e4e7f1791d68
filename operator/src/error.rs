//! Why a look at an object ended early.

use drover_core::desired::Invalid;

use crate::hosts::HostError;

/// Why a look at an object ended early. It is looked at again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server said no, or nothing.
    #[error("the API server: {0}")]
    Api(#[from] Box<kube::Error>),
    /// A host said no, or nothing.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The spec says what cannot be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}
