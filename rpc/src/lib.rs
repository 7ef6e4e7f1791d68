//! An asynchronous client of libvirt's native RPC protocol, in Rust alone.
//!
//! ```no_run
//! # async fn example() -> Result<(), drover_rpc::Error> {
//! use drover_rpc::{Client, ConnectOptions, Uri};
//!
//! let uri: Uri = "qemu+tcp://10.77.0.11/system".parse()?;
//! let client = Client::connect(&uri, ConnectOptions::default()).await?;
//! let domain = client.domain_lookup_by_name("demo_first").await?;
//! let info = client.domain_get_info(domain).await?;
//! println!("state {}", info.state);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod auth;
mod client;
mod connect;
mod credentials;
mod driver;
mod error;
mod features;
mod generated;
mod libvirt_conf;
pub mod migrate;
pub mod objects;
mod open_enum;
mod refusal;
pub mod stats;
mod stream;
mod subscription;
#[cfg(test)]
mod tests;
mod transport;
mod typed;
mod uri;

pub use client::{CallRecord, Client};
pub use connect::{ConnectOptions, Observer};
pub use credentials::{Credentials, SaslCredentials, Secret, SshCredentials, TlsCredentials};
pub use drover_rpc_proto as proto;
pub use drover_rpc_proto::{CloseReason, Keepalive, LibvirtError, StreamError, code};
pub use drover_xdr::Text;
pub use error::Error;
pub use features::Feature;
pub use generated::{enums, fields, flags};
pub use objects::{
    Domain, DomainCheckpoint, DomainSnapshot, Interface, Network, NetworkPort, NodeDevice,
    NwFilter, NwFilterBinding, StoragePool, StorageVolume,
};
pub use refusal::{CertificateFault, Refusal};
pub use stream::{Download, Duplex, Piece, SparseDownload, SparseUpload, Upload};
pub use subscription::{Notice, Subscription};
pub use typed::TypedParams;
pub use uri::{Transport, Uri, UriError};
