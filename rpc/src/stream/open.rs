//! The procedures that open a byte stream.

use std::sync::Arc;

use drover_rpc_proto::procedure::{Procedure, Stream};
use drover_rpc_proto::remote::{
    Domain, DomainOpenChannelArgs, DomainOpenConsoleArgs, DomainScreenshotArgs,
    DomainScreenshotRet, StorageVol, StorageVolDownloadArgs, StorageVolUploadArgs, procedures,
};
use drover_rpc_proto::{Call, StreamMode};
use drover_xdr::{Text, from_bytes};

use super::channel::Channel;
use super::{Download, Duplex, Pipe, SparseDownload, SparseUpload, Upload};
use crate::client::Client;
use crate::driver::Command;
use crate::error::Error;
use crate::flags::{StorageVolDownloadFlags, StorageVolUploadFlags};

/// The flag for holes in `STORAGE_VOL_UPLOAD` and `STORAGE_VOL_DOWNLOAD`. A hole on a stream that
/// was not opened for it hangs libvirtd 11.3, so that this side never asks for them by accident.
const UPLOAD_SPARSE: u32 = StorageVolUploadFlags::SPARSE_STREAM.bits();
const DOWNLOAD_SPARSE: u32 = StorageVolDownloadFlags::SPARSE_STREAM.bits();

impl Client {
    /// Calls `STORAGE_VOL_UPLOAD`: `length` bytes are then to be written, from `offset` on.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn storage_vol_upload(
        &self,
        vol: StorageVol,
        offset: u64,
        length: u64,
        flags: u32,
    ) -> Result<Upload, Error> {
        not_endless(length)?;
        let args = StorageVolUploadArgs {
            vol,
            offset,
            length,
            flags: flags & !UPLOAD_SPARSE,
        };
        let (channel, ()) = self
            .open_stream::<procedures::StorageVolUpload>(&args, Some(length))
            .await?;
        Ok(Upload(channel))
    }

    /// Calls `STORAGE_VOL_UPLOAD` for a stream with holes: `length` bytes, holes included, are then
    /// to be written, from `offset` on; without a length, as many as there are. What is a hole is not
    /// sent, and takes no room on a disk that can do without.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn storage_vol_upload_sparse(
        &self,
        vol: StorageVol,
        offset: u64,
        length: impl Into<Option<u64>>,
    ) -> Result<SparseUpload, Error> {
        let length = length.into();
        if let Some(length) = length {
            not_endless(length)?;
        }
        let args = StorageVolUploadArgs {
            vol,
            offset,
            // libvirt's word for no end.
            length: length.unwrap_or(0),
            flags: UPLOAD_SPARSE,
        };
        let (channel, ()) = self
            .open_stream_with::<procedures::StorageVolUpload>(&args, length, true)
            .await?;
        Ok(SparseUpload(channel))
    }

    /// Calls `STORAGE_VOL_DOWNLOAD` for a stream with holes: `length` bytes (0: all that follow)
    /// from `offset` on are then read, and what is a hole there comes as one.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn storage_vol_download_sparse(
        &self,
        vol: StorageVol,
        offset: u64,
        length: u64,
    ) -> Result<SparseDownload, Error> {
        let args = StorageVolDownloadArgs {
            vol,
            offset,
            length,
            flags: DOWNLOAD_SPARSE,
        };
        let (channel, ()) = self
            .open_stream_with::<procedures::StorageVolDownload>(&args, None, true)
            .await?;
        Ok(SparseDownload(channel))
    }

    /// Calls `STORAGE_VOL_DOWNLOAD`: `length` bytes (0: all that follow) from `offset` on are then
    /// read.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn storage_vol_download(
        &self,
        vol: StorageVol,
        offset: u64,
        length: u64,
        flags: u32,
    ) -> Result<Download, Error> {
        let args = StorageVolDownloadArgs {
            vol,
            offset,
            length,
            flags: flags & !DOWNLOAD_SPARSE,
        };
        let (channel, ()) = self
            .open_stream::<procedures::StorageVolDownload>(&args, None)
            .await?;
        Ok(Download(channel))
    }

    /// Calls `DOMAIN_SCREENSHOT`: the picture is then read. The words are its MIME type.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn domain_screenshot(
        &self,
        dom: Domain,
        screen: u32,
        flags: u32,
    ) -> Result<(Option<Text>, Download), Error> {
        let args = DomainScreenshotArgs { dom, screen, flags };
        let (channel, DomainScreenshotRet { mime }) = self
            .open_stream::<procedures::DomainScreenshot>(&args, None)
            .await?;
        Ok((mime, Download(channel)))
    }

    /// Calls `DOMAIN_OPEN_CONSOLE`, of the device with this alias or of the first one.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn domain_open_console(
        &self,
        dom: Domain,
        dev_name: Option<Text>,
        flags: u32,
    ) -> Result<Duplex, Error> {
        let args = DomainOpenConsoleArgs {
            dom,
            dev_name,
            flags,
        };
        let (channel, ()) = self
            .open_stream::<procedures::DomainOpenConsole>(&args, None)
            .await?;
        Ok(Duplex(channel))
    }

    /// Calls `DOMAIN_OPEN_CHANNEL`, of the channel with this name or of the first one.
    ///
    /// # Errors
    /// When libvirt refuses, or no connection can be made for it.
    pub async fn domain_open_channel(
        &self,
        dom: Domain,
        name: Option<Text>,
        flags: u32,
    ) -> Result<Duplex, Error> {
        let args = DomainOpenChannelArgs { dom, name, flags };
        let (channel, ()) = self
            .open_stream::<procedures::DomainOpenChannel>(&args, None)
            .await?;
        Ok(Duplex(channel))
    }

    pub(super) async fn open_stream<P: Procedure>(
        &self,
        args: &P::Args,
        length: Option<u64>,
    ) -> Result<(Channel, P::Reply), Error> {
        self.open_stream_with::<P>(args, length, false).await
    }

    async fn open_stream_with<P: Procedure>(
        &self,
        args: &P::Args,
        length: Option<u64>,
        sparse: bool,
    ) -> Result<(Channel, P::Reply), Error> {
        let mode = StreamMode {
            send: matches!(P::STREAM, Stream::Write | Stream::Both),
            receive: matches!(P::STREAM, Stream::Read | Stream::Both),
            sparse,
            length,
        };
        let call = Call::of::<P>(args).map_err(Error::Argument)?;
        let client = self.for_stream().await?;
        let pipe = Arc::new(Pipe::default());
        let call = call.deadline(client.shared.after(self.deadline()));
        let opened = Arc::clone(&pipe);
        let opening = client.ask(|token, answer| Command::Open {
            token,
            call,
            mode,
            pipe: opened,
            answer,
        });
        let opened = self.record(P::NAME, opening).await?;
        let reply = from_bytes(&opened.body).map_err(Error::Answer)?;
        // A console may be silent for as long as it likes.
        let stall = (P::STREAM != Stream::Both).then_some(self.shared.options.stall);
        Ok((Channel::new(pipe, client, length, stall), reply))
    }
}

fn not_endless(length: u64) -> Result<(), Error> {
    if length > 0 {
        return Ok(());
    }
    Err(Error::Unsupported(
        "an upload of 0 bytes: libvirt takes it for one without end".to_owned(),
    ))
}
