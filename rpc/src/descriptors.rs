//! The procedures that pass file descriptors, over a unix socket alone.

use std::os::fd::OwnedFd;

use drover_rpc_proto::lxc::DomainOpenNamespaceArgs;
use drover_rpc_proto::lxc::procedures::DomainOpenNamespace;
use drover_rpc_proto::qemu::DomainMonitorCommandWithFilesArgs;
use drover_rpc_proto::qemu::procedures::DomainMonitorCommandWithFiles;
use drover_rpc_proto::remote::{
    Domain, DomainCreateWithFilesArgs, DomainCreateXmlWithFilesArgs, DomainFdAssociateArgs,
    DomainOpenGraphicsArgs, DomainOpenGraphicsFdArgs, procedures,
};
use drover_xdr::Text;

use crate::client::Client;
use crate::error::Error;

impl Client {
    /// Calls `DOMAIN_OPEN_GRAPHICS`: QEMU takes `fd`, one end of a pair of sockets, for a client of
    /// this graphics device.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`].
    pub async fn domain_open_graphics(
        &self,
        dom: Domain,
        idx: u32,
        fd: OwnedFd,
        flags: u32,
    ) -> Result<(), Error> {
        let args = DomainOpenGraphicsArgs { dom, idx, flags };
        let fds = vec![fd];
        self.call_with_fds::<procedures::DomainOpenGraphics>(args, fds)
            .await
            .map(|((), _)| ())
    }

    /// Calls `DOMAIN_OPEN_GRAPHICS_FD`: the answer is a socket to this graphics device.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`], and [`Error::Descriptors`] if it is not one that comes.
    pub async fn domain_open_graphics_fd(
        &self,
        dom: Domain,
        idx: u32,
        flags: u32,
    ) -> Result<OwnedFd, Error> {
        let args = DomainOpenGraphicsFdArgs { dom, idx, flags };
        let ((), fds) = self
            .call_with_fds::<procedures::DomainOpenGraphicsFd>(args, Vec::new())
            .await?;
        let [fd] = <[OwnedFd; 1]>::try_from(fds).map_err(|fds| Error::Descriptors(fds.len()))?;
        Ok(fd)
    }

    /// Calls `DOMAIN_CREATE_XML_WITH_FILES`: the guest's first process inherits the files.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`].
    pub async fn domain_create_xml_with_files(
        &self,
        xml_desc: impl Into<Text>,
        files: Vec<OwnedFd>,
        flags: u32,
    ) -> Result<Domain, Error> {
        let xml_desc = xml_desc.into();
        let args = DomainCreateXmlWithFilesArgs { xml_desc, flags };
        self.call_with_fds::<procedures::DomainCreateXmlWithFiles>(args, files)
            .await
            .map(|(reply, _)| reply.dom)
    }

    /// Calls `DOMAIN_CREATE_WITH_FILES`: the guest's first process inherits the files.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`].
    pub async fn domain_create_with_files(
        &self,
        dom: Domain,
        files: Vec<OwnedFd>,
        flags: u32,
    ) -> Result<Domain, Error> {
        let args = DomainCreateWithFilesArgs { dom, flags };
        self.call_with_fds::<procedures::DomainCreateWithFiles>(args, files)
            .await
            .map(|(reply, _)| reply.dom)
    }

    /// Calls `DOMAIN_FD_ASSOCIATE`: `<source fdgroup='NAME'>` then means these files, for as long as
    /// this connection lives.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`].
    pub async fn domain_fd_associate(
        &self,
        dom: Domain,
        name: impl Into<Text>,
        fds: Vec<OwnedFd>,
        flags: u32,
    ) -> Result<(), Error> {
        let name = name.into();
        let args = DomainFdAssociateArgs { dom, name, flags };
        self.call_with_fds::<procedures::DomainFdAssociate>(args, fds)
            .await
            .map(|((), _)| ())
    }

    /// Calls `DOMAIN_MONITOR_COMMAND_WITH_FILES` of the program `qemu`: files go to QEMU's monitor
    /// with the command, and come with its answer.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`].
    pub async fn domain_monitor_command_with_files(
        &self,
        dom: Domain,
        cmd: impl Into<Text>,
        files: Vec<OwnedFd>,
        flags: u32,
    ) -> Result<(Text, Vec<OwnedFd>), Error> {
        let cmd = cmd.into();
        let args = DomainMonitorCommandWithFilesArgs { dom, cmd, flags };
        self.call_with_fds::<DomainMonitorCommandWithFiles>(args, files)
            .await
            .map(|(reply, files)| (reply.result, files))
    }

    /// Calls `DOMAIN_OPEN_NAMESPACE` of the program `lxc`: the answer is the namespaces of the
    /// container.
    ///
    /// # Errors
    /// As [`Client::call_with_fds`].
    pub async fn domain_open_namespace(
        &self,
        dom: Domain,
        flags: u32,
    ) -> Result<Vec<OwnedFd>, Error> {
        let args = DomainOpenNamespaceArgs { dom, flags };
        self.call_with_fds::<DomainOpenNamespace>(args, Vec::new())
            .await
            .map(|((), fds)| fds)
    }
}
