//! An asynchronous client of libvirt's native RPC protocol, in Rust alone: no `libvirt.so`, no
//! `unsafe`.
//!
//! It drives the `libvirtd`, `virtqemud` or `virtproxyd` that a distribution ships, over unix
//! sockets, TCP, TLS and SSH, and knows every procedure, event and type of libvirt 11.3. Servers
//! from libvirt 1.2.1 (2014) on are understood; 9.0 and 11.3 are tried in the tests.
//!
//! ```no_run
//! use drover_rpc::flags::{ConnectListAllDomainsFlags, DomainCreateFlags};
//! use drover_rpc::{Client, ConnectOptions, Error, Uri};
//!
//! # async fn example() -> Result<(), Error> {
//! let uri: Uri = "qemu+tls://host1.example.org/system".parse()?;
//! let client = Client::connect(&uri, ConnectOptions::default()).await?;
//! for domain in client.domains(ConnectListAllDomainsFlags::empty()).await? {
//!     let info = domain.info().await?;
//!     println!("{domain} {}: {}, {} KiB", domain.uuid(), info.state, info.memory);
//! }
//! match client.domain("web-1").await {
//!     Ok(domain) => domain.start(DomainCreateFlags::empty()).await?,
//!     Err(error) if error.not_found() => println!("no web-1 here"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where is what
//!
//! | to | look at |
//! |---|---|
//! | connect, say who one is | [`Uri`], [`ConnectOptions`], [`Credentials`], [`Prompt`], [`Client::connect`] |
//! | connect by other means, or in a test | [`Client::over_stream`], [`Dialer`] |
//! | find, define and list objects | the methods of [`Client`]: [`domains`](Client::domains), [`network`](Client::network), [`define_domain`](Client::define_domain), ... |
//! | act on an object | [`objects`]: [`Domain`], [`Network`], [`StoragePool`], [`StorageVolume`], ... |
//! | flags, states and reasons, names of parameters | [`flags`], [`enums`], [`fields`], [`TypedParams`] |
//! | statistics | [`Client::domain_stats`], [`stats`] |
//! | events | [`Client::domain_events`], [`Domain::events`], [`Subscription`], [`objects::LifecycleEvent`]; of what ends [`Client::closed`], [`Client::driver_closed`] |
//! | byte streams | [`StorageVolume::upload`], [`StorageVolume::download`], with holes [`StorageVolume::upload_sparse`], [`Domain::open_console`], [`Domain::screenshot`], [`Tunnel`] |
//! | file descriptors | [`Domain::open_graphics_fd`], [`Domain::associate_fds`], [`Client::call_with_fds`] |
//! | move a guest | [`migrate`] |
//! | any procedure, as it is on the wire | the methods of [`Client`] that are named like it, such as [`domain_get_info`](Client::domain_get_info), and [`Client::call`] |
//! | the protocol without I/O | [`proto`] |
//!
//! Each method of an object names the function of libvirt's C API that it stands for; what that does
//! is in [libvirt's reference](https://libvirt.org/html/index.html). The folder `examples` has ten
//! programs to begin with.
//!
//! # Guarantees
//!
//! - **Nothing hangs.** Every call has a deadline ([`ConnectOptions::deadline`],
//!   [`Client::with_deadline`]). A future that is dropped gives its call up: one that waits is never
//!   sent, an answer that comes late is thrown away, a stream or a registration that it opened is
//!   undone.
//! - **A server cannot crash or fill the client.** Lengths are checked before memory is taken, no
//!   bytes make it panic, queues are bounded. Who listens too slowly is told that events are lost; the
//!   reader waits for nobody.
//! - **Nothing is left behind.** Tasks and sockets end with the last handle, and file descriptors that
//!   nobody takes are closed. An idle connection takes about 5 KiB.
//! - **No call is repeated unasked.** An error says whether the call may have had its effect:
//!   [`Error::outcome_unknown`].
//! - **The server is not hurt.** At most four calls are under way on a connection: with five
//!   `libvirtd` stops reading it, and cuts it. One place is kept for urgent calls. An upload cannot
//!   write more than was announced, a hole cannot go where none is expected: both take `libvirtd` 11.3
//!   down. Byte streams have connections of their own.
//! - **What is not known is kept.** Flags, states, reasons and statistics of a newer libvirt come
//!   through as they are; so does the whole of libvirt's error ([`LibvirtError`]).
//! - **What the C library does behind its API is done here too.** The server is told that strings in
//!   typed parameters are welcome; parameters are counted before they are asked for; `NETWORK_UPDATE`
//!   has its arguments in the order that the server expects; "unknown procedure" is
//!   [`Error::not_supported`].
//!
//! # Limits against `libvirt.so`
//!
//! - Only what is behind a daemon can be reached: no drivers within the process (`esx`, `hyperv`,
//!   `vmware`, `test` without a daemon), and no daemon is started for a session.
//! - SASL is SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN: no GSSAPI, and no encryption by SASL. PLAIN is for
//!   TLS, SSH and unix sockets alone.
//! - TLS is rustls: names are looked for in the certificate's alternative names alone, and
//!   `tls_priority`, which is for GnuTLS, is refused.
//! - SSH is done here, without a program: by key, agent, password and answers to the server's own
//!   questions; `~/.ssh/config` is not read, host keys with certificates alone are refused, and nothing
//!   is written into `known_hosts`.
//! - Of a URI's parameters none is passed over: [`Uri`] says what each does. What would run a program,
//!   or let anybody be the server, needs [`Permissions`].
//! - File descriptors go over unix sockets alone, which is so for `libvirt.so` too. Elsewhere a call
//!   that needs them is refused before anything is sent ([`Refused::NoFds`](proto::Refused::NoFds)).
//! - Migration needs libvirt 1.1 (2013) or newer on both sides. As with `libvirt.so`, it goes through
//!   the daemons (`TUNNELLED`) only peer to peer.
//! - Events of servers older than 1.2.1 cannot be told apart, and are not delivered.
//! - XML is text: this crate neither makes nor reads it.
//!
//! # Without a server
//!
//! A connection can be tried against a script, here one that only knows its version:
//!
//! ```
//! use drover_rpc::{Client, ConnectOptions, Error};
//! # use drover_rpc::proto::frame::{FrameReader, Header, Kind, Status, write_frame};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # async fn serve(listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! #     let (mut socket, _) = listener.accept().await?;
//! #     let mut reader = FrameReader::default();
//! #     let mut buffer = [0; 4096];
//! #     loop {
//! #         let count = socket.read(&mut buffer).await?;
//! #         if count == 0 {
//! #             return Ok(());
//! #         }
//! #         let mut rest = &buffer[..count];
//! #         while let Some((header, _)) = reader.read(&mut rest).expect("a frame") {
//! #             let body: &[u8] = match header.procedure {
//! #                 66 => &[0, 0, 0, 1, 0, 0, 0, 0],
//! #                 60 => &[0, 0, 0, 1],
//! #                 157 => &[0, 0, 0, 0, 0, 0xa7, 0xe4, 0x78],
//! #                 _ => &[],
//! #             };
//! #             let header = Header { kind: Kind::Reply, status: Status::Ok, ..header };
//! #             let mut bytes = Vec::new();
//! #             write_frame(&mut bytes, &header, body);
//! #             socket.write_all(&bytes).await?;
//! #         }
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addr()?;
//! # let server = tokio::spawn(serve(listener));
//! let uri = format!("test+tcp://{address}/default").parse()?;
//! let client = Client::connect(&uri, ConnectOptions::default()).await?;
//! assert_eq!(client.library_version().await?, 11_003_000);
//! client.close().await?;
//! # drop(client);
//! # drop(server.await);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod auth;
mod client;
mod connect;
mod credentials;
mod descriptors;
mod dialer;
mod driver;
mod ends;
mod error;
mod features;
mod generated;
mod libvirt_conf;
pub mod migrate;
pub mod objects;
mod open_enum;
mod permissions;
mod prompt;
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
pub use dialer::Dialer;
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
pub use permissions::Permissions;
pub use prompt::{Prompt, Question, Wanted};
pub use refusal::{CertificateFault, Refusal};
pub use stream::{Download, Duplex, Piece, SparseDownload, SparseUpload, Tunnel, Upload};
pub use subscription::{Notice, Subscription};
pub use typed::TypedParams;
pub use uri::{Transport, Uri, UriError};
