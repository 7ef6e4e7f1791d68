//! Tunnelled migration: what the source's QEMU sends comes to the destination through libvirtd.
//!
//! libvirt's own library has no function for it. The source's libvirtd does it by itself when it is
//! told to with [`Domain::migrate_to_uri`](crate::Domain::migrate_to_uri) and `TUNNELLED`, and is
//! then the client that makes these calls.

use drover_rpc_proto::remote::{
    DomainMigratePrepareTunnel3Args, DomainMigratePrepareTunnel3ParamsArgs,
    DomainMigratePrepareTunnelArgs, TypedParam, procedures,
};

use super::channel::Channel;
use crate::client::Client;
use crate::error::Error;

/// What a source's QEMU sends, on its way to the destination: as many bytes as there are.
///
/// It is to be kept until the call that ends the migration at the destination, such as
/// [`Client::domain_migrate_finish3_params`], has been answered, also if that is to give the guest up:
/// libvirtd destroys a guest that is coming in when this connection ends, and 11.3 dies of doing both
/// at a time.
#[derive(Debug)]
pub struct Tunnel(pub(super) Channel);

impl Tunnel {
    /// Says that all is sent, and waits until the server has taken it. What it is worth is said by the
    /// call that ends the migration.
    ///
    /// # Errors
    /// When the server failed, or does not say anything in time.
    pub async fn finish(&mut self) -> Result<(), Error> {
        self.0.finish().await
    }
}

impl Client {
    /// Calls `DOMAIN_MIGRATE_PREPARE_TUNNEL`, of the migrations of before libvirt 0.9.2.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn domain_migrate_prepare_tunnel(
        &self,
        args: DomainMigratePrepareTunnelArgs,
    ) -> Result<Tunnel, Error> {
        let (channel, ()) = self
            .open_stream::<procedures::DomainMigratePrepareTunnel>(&args, None)
            .await?;
        Ok(Tunnel(channel))
    }

    /// Calls `DOMAIN_MIGRATE_PREPARE_TUNNEL3`, which came before the one with parameters. The bytes
    /// beside the tunnel are the destination's cookie, for the source's next step.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn domain_migrate_prepare_tunnel3(
        &self,
        args: DomainMigratePrepareTunnel3Args,
    ) -> Result<(Vec<u8>, Tunnel), Error> {
        let (channel, reply) = self
            .open_stream::<procedures::DomainMigratePrepareTunnel3>(&args, None)
            .await?;
        Ok((reply.cookie_out, Tunnel(channel)))
    }

    /// Calls `DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS`: the destination gets ready, and takes what the
    /// source's QEMU sends. The bytes beside the tunnel are its cookie, for the source's next step.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn domain_migrate_prepare_tunnel3_params(
        &self,
        params: Vec<TypedParam>,
        cookie_in: Vec<u8>,
        flags: u32,
    ) -> Result<(Vec<u8>, Tunnel), Error> {
        let args = DomainMigratePrepareTunnel3ParamsArgs {
            params,
            cookie_in,
            flags,
        };
        let (channel, reply) = self
            .open_stream::<procedures::DomainMigratePrepareTunnel3Params>(&args, None)
            .await?;
        Ok((reply.cookie_out, Tunnel(channel)))
    }
}
