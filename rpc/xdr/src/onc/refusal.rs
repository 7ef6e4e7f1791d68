//! Why a server did not do what was called.

use super::AuthStatus;

/// A server's no: every state of a reply but success, RFC 5531, section 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `PROG_UNAVAIL`.
    #[error("the server does not have this program")]
    ProgramUnavailable,
    /// `PROG_MISMATCH`.
    #[error("the server has versions {low} to {high} of this program")]
    ProgramMismatch {
        /// The lowest version that it has.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// `PROC_UNAVAIL`.
    #[error("the program does not have this procedure")]
    ProcedureUnavailable,
    /// `GARBAGE_ARGS`.
    #[error("the server cannot read the arguments")]
    GarbageArguments,
    /// `SYSTEM_ERR`.
    #[error("the server failed")]
    SystemError,
    /// `RPC_MISMATCH`.
    #[error("the server speaks versions {low} to {high} of RPC itself")]
    RpcMismatch {
        /// The lowest version that it speaks.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// `AUTH_ERROR`.
    #[error("the server does not take who calls: {0}")]
    Auth(AuthStatus),
}

impl Refusal {
    /// Whether the message was denied before anybody looked at the program.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::RpcMismatch { .. } | Self::Auth(_))
    }
}
