//! What passes file descriptors to and from a domain. All of it needs a unix socket.

use std::os::fd::OwnedFd;

use drover_xdr::Text;

use crate::client::Client;
use crate::flags::{
    DomainCreateFlags, DomainFDAssociateFlags, DomainOpenGraphicsFlags,
    DomainQemuMonitorCommandFlags,
};
use crate::objects::Domain;
use crate::objects::handle::{Answer, calls, client_calls, string};

impl Answer<(Text, Vec<OwnedFd>)> for (String, Vec<OwnedFd>) {
    fn answer((text, files): (Text, Vec<OwnedFd>), _: &Client) -> Self {
        (string(&text), files)
    }
}

calls! {
    Domain;

    /// Has the graphics device of this number serve `socket`, one end of a pair, as its client.
    virDomainOpenGraphics: open_graphics(
        device: u32, socket: OwnedFd, flags: DomainOpenGraphicsFlags,
    ) -> () = domain_open_graphics(device, socket, flags.bits());

    /// A socket to the graphics device of this number, as its client has it.
    virDomainOpenGraphicsFD: open_graphics_fd(device: u32, flags: DomainOpenGraphicsFlags) -> OwnedFd
        = domain_open_graphics_fd(device, flags.bits());

    /// Starts it, if it is defined and off, with files that its first process inherits. Containers
    /// alone can do that.
    virDomainCreateWithFiles: start_with_files(files: Vec<OwnedFd>, flags: DomainCreateFlags) -> ()
        = domain_create_with_files(files, flags.bits());

    /// Gives files to the disks whose source is the group of this name, for as long as the connection
    /// lives. libvirt 9.0 and newer.
    virDomainFDAssociate: associate_fds(
        group: &str, files: Vec<OwnedFd>, flags: DomainFDAssociateFlags,
    ) -> () = domain_fd_associate(group, files, flags.bits());

    /// Sends a command with files to QEMU's monitor, behind libvirt's back; the answer may come with
    /// files, too. libvirt 8.2 and newer.
    virDomainQemuMonitorCommandWithFiles: monitor_command_with_files(
        command: &str, files: Vec<OwnedFd>, flags: DomainQemuMonitorCommandFlags,
    ) -> (String, Vec<OwnedFd>)
        = domain_monitor_command_with_files(command, files, flags.bits());

    /// The namespaces of a container.
    virDomainLxcOpenNamespace: open_namespaces() -> Vec<OwnedFd> = domain_open_namespace(0);
}

client_calls! {
    /// Starts a transient domain with files that its first process inherits. Containers alone can do
    /// that.
    virDomainCreateXMLWithFiles: start_domain_with_files(
        xml: &str, files: Vec<OwnedFd>, flags: DomainCreateFlags,
    ) -> Domain = domain_create_xml_with_files(xml, files, flags.bits());
}
