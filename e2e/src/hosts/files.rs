//! What is written into a host's root file system.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::pki::{self, Flaw};
use super::record::{Host, Suite};
use crate::error::Error;
use crate::places::{Lab, make_folder, write_file};

const INIT: &str = include_str!("init.sh");
const OVS: &str = include_str!("ovs.sh");

/// The kernel may know no network file system. This one is of FUSE, and libvirt takes it for one: what
/// it mounts is a folder in the one that all hosts share, whatever server is named.
const NETWORK_FILE_SYSTEM: &str = "#!/bin/sh
folder=/srv/shared/${1#*:}
mkdir -p \"$folder\"
exec bindfs -o \"fsname=$1,subtype=glusterfs,allow_other\" \"$folder\" \"$2\"
";

/// Without a log daemon, cgroups or other users, which a namespace does not have.
const QEMU: &str = "stdio_handler = \"file\"
user = \"root\"
group = \"root\"
security_driver = \"none\"
namespaces = []
cgroup_controllers = []
remember_owner = 0
";

/// Who may come in by a password, and from which file libvirt's SASL knows it.
const SASL: &str = "mech_list: scram-sha-256 scram-sha-1 plain
sasldb_path: /etc/libvirt/passwd.db
";
/// Only with a key.
const SSHD: &str = "PasswordAuthentication no
PermitRootLogin prohibit-password
";

/// Who may manage libvirt without being root.
const POLKIT: &str = "polkit.addRule(function (action, subject) {
    if (action.id == \"org.libvirt.unix.manage\" && subject.user == \"drover\") {
        return polkit.Result.YES;
    }
});
";

/// Writes all of it.
///
/// # Errors
/// [`Error::File`].
pub(super) fn write(lab: &Lab, host: &Host) -> Result<(), Error> {
    let root = host.root(lab);
    let name = &host.name;
    // A host that is not sane on purpose must start too.
    let libvirtd = format!(
        "listen_tls = 1
listen_tcp = 1
auth_tls = \"{}\"
tls_no_sanity_certificate = 1
auth_tcp = \"none\"
auth_unix_rw = \"polkit\"
auth_unix_ro = \"sasl\"
unix_sock_rw_perms = \"0777\"
host_uuid = \"{}\"
log_outputs = \"2:file:/var/log/libvirt/libvirtd.log\"
",
        auth_tls(host),
        host.uuid()
    );
    pki::install(lab, host, &pki::server(lab, host, Flaw::None)?)?;
    make_folder(&root.join("etc/sasl2"))?;
    write_file(&root.join("etc/sasl2/libvirt.conf"), SASL)?;
    make_folder(&root.join("etc/polkit-1/rules.d"))?;
    write_file(&root.join("etc/polkit-1/rules.d/50-lab.rules"), POLKIT)?;
    make_folder(&root.join("etc/ssh/sshd_config.d"))?;
    write_file(&root.join("etc/ssh/sshd_config.d/lab.conf"), SSHD)?;
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
    program(&root.join("usr/sbin/mount.glusterfs"), NETWORK_FILE_SYSTEM)?;
    program(&root.join("lab-ovs"), OVS)?;
    program(&root.join("lab-init"), INIT)
}

fn program(path: &Path, text: &str) -> Result<(), Error> {
    write_file(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| Error::file(path, error))
}

/// What a host asks of those who come by TLS: the certificate alone, or a password too.
fn auth_tls(host: &Host) -> &'static str {
    match host.suite {
        Suite::Bookworm => "none",
        Suite::Trixie => "sasl",
    }
}
