//! What is written into a host's root file system.

use std::os::unix::fs::PermissionsExt;

use super::record::Host;
use crate::error::Error;
use crate::places::{Lab, make_folder, write_file};

const INIT: &str = include_str!("init.sh");

/// Without a log daemon, cgroups or other users, which a namespace does not have.
const QEMU: &str = "stdio_handler = \"file\"
user = \"root\"
group = \"root\"
security_driver = \"none\"
namespaces = []
cgroup_controllers = []
remember_owner = 0
";

/// Writes all of it.
///
/// # Errors
/// [`Error::File`].
pub(super) fn write(lab: &Lab, host: &Host) -> Result<(), Error> {
    let root = host.root(lab);
    let name = &host.name;
    let libvirtd = format!(
        "listen_tls = 0
listen_tcp = 1
auth_tcp = \"none\"
auth_unix_rw = \"none\"
host_uuid = \"{}\"
log_outputs = \"2:file:/var/log/libvirt/libvirtd.log\"
",
        host.uuid()
    );
    make_folder(&root.join("etc/libvirt"))?;
    write_file(&root.join("etc/libvirt/libvirtd.conf"), libvirtd)?;
    write_file(&root.join("etc/libvirt/qemu.conf"), QEMU)?;
    write_file(&root.join("etc/hostname"), format!("{name}\n"))?;
    write_file(
        &root.join("etc/hosts"),
        format!("127.0.0.1 localhost\n{} {name}\n", host.address()),
    )?;
    write_file(
        &root.join("etc/machine-id"),
        format!("{}\n", host.uuid().replace('-', "")),
    )?;
    // A host that nobody set up has no network of that name either.
    let default = root.join("etc/libvirt/qemu/networks/autostart/default.xml");
    let _ = std::fs::remove_file(default);
    let init = root.join("lab-init");
    write_file(&init, INIT)?;
    std::fs::set_permissions(&init, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| Error::file(&init, error))
}
