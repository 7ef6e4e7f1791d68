use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn uri(text: &str) -> Uri {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match text.parse::<Uri>() {
        Ok(uri) => panic!("{text} is {uri:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn transports_are_found() {
    for (text, expected) in [
        ("qemu:///system", Transport::Unix),
        ("qemu:/system", Transport::Unix),
        ("qemu+unix:///system", Transport::Unix),
        ("qemu://host/system", Transport::Tls),
        ("qemu+TCP://host/system", Transport::Tcp),
        ("qemu+ssh://root@host/system", Transport::Ssh),
        ("qemu+libssh2://root@host/system", Transport::Ssh),
        ("qemu+ext:///system?command=x", Transport::Ext),
        ("test:///default", Transport::Unix),
    ] {
        assert_eq!(uri(text).transport, expected, "{text}");
    }
}

#[test]
fn nonsense_is_refused() {
    for (text, words) in [
        ("", "no driver"),
        ("qemu", "no driver"),
        ("://host/", "is no driver"),
        ("+tcp://host/", "is no driver"),
        ("1qemu:///system", "is no driver"),
        ("qe mu:///system", "is no driver"),
        ("qemu:system", "begin with a slash"),
        ("qemu+carrier-pigeon://host/system", "unknown transport"),
        ("qemu+tcp+tls://host/system", "unknown transport"),
        ("qemu+unix://host/system", "has no host"),
        ("qemu://host:/system", "is no port"),
        ("qemu://host:x/system", "is no port"),
        ("qemu://host:+1/system", "is no port"),
        ("qemu://host:65536/system", "is no port"),
        ("qemu://[::1]16509/system", "is no port"),
        ("qemu://[::1/system", "is not closed"),
        ("qemu://[host]/system", "is no IPv6 address"),
        ("qemu://[fe80::1%]/system", "empty zone"),
        ("qemu://user@/system", "no host"),
        ("qemu://:16514/system", "no host"),
        ("qemu://a@b@host/system", "an @ in it"),
        ("qemu:///a b", "has to be escaped"),
        ("qemu:///system?x=\u{e9}", "has to be escaped"),
        ("qemu:///%zz", "two hexadecimal digits"),
        ("qemu:///system?x=%4", "two hexadecimal digits"),
        ("qemu:///system?x=%00", "a zero byte"),
        ("qemu:///%ff", "is not UTF-8"),
        ("qemu:///system?mode=modular", "auto, direct and legacy"),
        ("qemu+ssh://h/system?proxy=rsh", "auto, native and netcat"),
        ("qemu+ssh://h/?known_hosts_verify=auto", "normal and ignore"),
        ("qemu://h/system?no_verify=yes", "a number is allowed"),
        ("qemu://h/system?no_tty=", "a number is allowed"),
        ("qemu://h/system?tls_priority=NORMAL", "it is for GnuTLS"),
    ] {
        let said = refusal(text);
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn the_name_is_what_the_host_would_use() {
    for (text, expected) in [
        ("qemu+tcp://10.77.0.11/system", "qemu:///system"),
        ("test+tcp://[::1]:16509/default", "test:///default"),
        ("remote+tcp://host/", ""),
        ("qemu:///system?socket=/tmp/s&x=1", "qemu:///system?x=1"),
        (
            "esx://h/?transport=https&No_Verify=1",
            "esx:///?transport=https",
        ),
        ("qemu+tcp://h/s?name=test:///default", "test:///default"),
        ("qemu+tcp://h/s?name=lxc:///&name=qemu:///x", "qemu:///x"),
        ("test+tcp://h/a%20b/c%23", "test:///a%20b/c%23"),
        ("qemu+tcp://h/s?a=%26b%3d1&c", "qemu:///s?a=%26b%3d1&c="),
        ("qemu+tcp://h/system#there", "qemu:///system#there"),
    ] {
        assert_eq!(uri(text).name(), expected, "{text}");
    }
}

#[test]
fn parameters_are_read_as_libvirt_reads_them() {
    for (query, expected) in [
        ("a=1&b=2", vec![("a", "1"), ("b", "2")]),
        ("a=1;b=2", vec![("a", "1"), ("b", "2")]),
        (
            "a=1;b=2&c=3;d=4",
            vec![("a", "1;b=2"), ("c", "3"), ("d", "4")],
        ),
        ("a=1+2%2b3", vec![("a", "1+2+3")]),
        ("a", vec![("a", "")]),
        ("a=", vec![("a", "")]),
        ("=x&&a=b=c", vec![("a", "b=c")]),
        ("%61%3D=%26", vec![("a=", "&")]),
        ("", vec![]),
    ] {
        let found = uri(&format!("qemu:///system?{query}")).parameters;
        let found: Vec<_> = found
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(found, expected, "{query}");
    }
    let twice = uri("qemu:///system?socket=/a&SOCKET=/b");
    assert_eq!(twice.parameter("Socket"), Some("/b"), "the last one counts");
    let on = |text: &str| uri(text).switch("no_verify");
    assert!(on("qemu://h/?no_verify=1") && on("qemu://h/?no_verify=-2"));
    assert!(!on("qemu://h/?no_verify=0") && !on("qemu://h/"));
}

#[test]
fn files_are_not_looked_at_where_all_is_given() {
    for name in ["pkipath", "keyfile", "known_hosts", "authfile"] {
        let named = uri(&format!("qemu+ssh://h/system?{name}=/x"));
        assert_eq!(named.check_files(false), Ok(()));
        let said = named.check_files(true).unwrap_err().to_string();
        assert!(
            said.contains(name) && said.contains("leave it out"),
            "{said}"
        );
    }
    assert_eq!(uri("qemu+ssh://h/system").check_files(true), Ok(()));
}

#[test]
fn users_hosts_and_ports() {
    for (text, host, port, shown) in [
        (
            "test+tcp://[fd00::1]:17000/d",
            "fd00::1",
            17000,
            "test+tcp://[fd00::1]:17000/d",
        ),
        (
            "test+tcp://[fe80::1%eth0]/d",
            "fe80::1%eth0",
            16509,
            "test+tcp://[fe80::1%25eth0]/d",
        ),
        (
            "test+tcp://[fe80::1%25eth0]/",
            "fe80::1%eth0",
            16509,
            "test+tcp://[fe80::1%25eth0]/",
        ),
        ("qemu+tcp://h:0/system", "h", 16509, "qemu+tcp://h/system"),
        ("qemu://h/system", "h", 16514, "qemu+tls://h/system"),
        (
            "qemu+ssh://me@h%2di/system",
            "h-i",
            22,
            "qemu+ssh://h-i/system",
        ),
        ("qemu+ssh:///system", "localhost", 22, "qemu+ssh:///system"),
    ] {
        let parsed = uri(text);
        assert_eq!(parsed.host_or_default(), host, "{text}");
        assert_eq!(parsed.port_or_default(), Some(port), "{text}");
        assert_eq!(parsed.to_string(), shown, "{text}");
    }
    let user = |text: &str| uri(text).user;
    assert_eq!(
        user("qemu+ssh://a%40b%2Fc@h/system").as_deref(),
        Some("a@b/c")
    );
    assert_eq!(user("qemu+ssh://a:b@h/system").as_deref(), Some("a:b"));
    assert_eq!(user("qemu+ssh://@h/system"), None);
}

/// A machine with these sockets in the folders of the system and the user.
struct Machine {
    folder: PathBuf,
    here: Surroundings,
}

impl Machine {
    fn new(is_root: bool, sockets: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("drover-uri-{}", uuid::Uuid::new_v4()));
        let here = Surroundings {
            is_root,
            user: Some(folder.join("user")),
            system: folder.join("system"),
        };
        for socket in sockets {
            let file = folder.join(socket);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        Self { folder, here }
    }

    fn socket(&self, text: &str, read_only: bool) -> String {
        let found = uri(text).socket(&self.here, read_only).unwrap();
        found
            .strip_prefix(&self.folder)
            .unwrap_or(&found)
            .display()
            .to_string()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

const SYSTEM: &str = "qemu:///system";
const SESSION: &str = "qemu:///session";

#[test]
fn of_two_daemons_the_one_that_is_there_is_reached() {
    let (direct, legacy) = ("system/virtqemud-sock", "system/libvirt-sock");
    for (sockets, expected) in [
        (vec![], direct),
        (vec![legacy], legacy),
        (vec![direct], direct),
        (vec![direct, legacy], direct),
        (vec!["system/virtqemud-sock-ro", legacy], legacy),
    ] {
        let machine = Machine::new(true, &sockets);
        assert_eq!(machine.socket(SYSTEM, false), expected, "{sockets:?}");
        assert_eq!(machine.socket("qemu:///system?mode=auto", false), expected);
        assert_eq!(machine.socket("qemu:///system?mode=direct", false), direct);
        assert_eq!(machine.socket("qemu:///system?mode=legacy", false), legacy);
        let own = machine.socket("qemu:///system?socket=/s&mode=direct", false);
        assert_eq!(own, "/s");
    }
    let machine = Machine::new(true, &["system/virtqemud-sock-ro"]);
    assert_eq!(machine.socket(SYSTEM, true), "system/virtqemud-sock-ro");
    assert_eq!(machine.socket("remote:///", true), "system/libvirt-sock-ro");
    let network = machine.socket("network:///system", false);
    assert_eq!(network, "system/virtnetworkd-sock");
    let said = uri("remote:///?mode=direct").socket(&machine.here, false);
    assert!(matches!(
        said,
        Err(UriError::Parameter { name: "mode", .. })
    ));
}

#[test]
fn a_session_is_never_the_systems_daemon() {
    // Both of the system's are there, and none of the user's.
    let system = ["system/virtqemud-sock", "system/libvirt-sock"];
    let machine = Machine::new(false, &system);
    assert_eq!(machine.socket(SESSION, false), "user/virtqemud-sock");
    assert_eq!(machine.socket(SESSION, true), "user/virtqemud-sock");
    assert_eq!(machine.socket(SYSTEM, false), "system/virtqemud-sock");
    assert_eq!(
        machine.socket("test:///default", false),
        "user/libvirt-sock"
    );
    assert_eq!(
        machine.socket("test+unix:///default", false),
        "user/libvirt-sock"
    );
    let machine = Machine::new(false, &["user/libvirt-sock"]);
    assert_eq!(machine.socket(SESSION, true), "user/libvirt-sock");
    let nowhere = Surroundings::of(false, |_| None);
    assert_eq!(
        uri(SESSION).socket(&nowhere, false),
        Err(UriError::NoFolder)
    );
    // Root has no daemon of his own.
    let root = Machine::new(true, &system);
    assert_eq!(root.socket(SESSION, true), "system/virtqemud-sock-ro");
    assert_eq!(root.socket("test:///default", false), "system/libvirt-sock");
}

#[test]
fn the_users_folder() {
    let of = |set: &'static [(&str, &str)]| {
        let var = |name: &str| {
            let found = set.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Surroundings::of(false, var).user
    };
    let runtime = [("XDG_RUNTIME_DIR", "/run/user/7"), ("HOME", "/h")];
    assert_eq!(
        of(&[("XDG_RUNTIME_DIR", "/run/user/7"), ("HOME", "/h")]),
        Some("/run/user/7/libvirt".into()),
        "{runtime:?}"
    );
    assert_eq!(
        of(&[("XDG_RUNTIME_DIR", ""), ("HOME", "/h")]),
        Some("/h/.cache/libvirt".into())
    );
    assert_eq!(
        of(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]),
        Some("/c/libvirt".into())
    );
    assert_eq!(of(&[]), None);
    assert_eq!(Surroundings::real().system, Path::new("/var/run/libvirt"));
}

#[test]
fn behind_ssh_nothing_is_looked_at() {
    let far = |text: &str, read_only| uri(text).far_sockets(read_only).unwrap();
    assert_eq!(
        far("qemu+ssh://h/system", true),
        [
            "/var/run/libvirt/virtqemud-sock-ro",
            "/var/run/libvirt/libvirt-sock-ro"
        ]
    );
    assert_eq!(
        far("test+ssh://h/default", false),
        ["/var/run/libvirt/libvirt-sock"]
    );
    assert_eq!(
        far("qemu+ssh://h/system?mode=legacy", false),
        ["/var/run/libvirt/libvirt-sock"]
    );
    assert_eq!(far("qemu+ssh://h/session?socket=/s", false), ["/s"]);
}

#[test]
fn abstract_sockets_have_two_addresses() {
    assert_eq!(addresses(Path::new("/run/a")), [PathBuf::from("/run/a")]);
    let both = addresses(Path::new("@name"));
    assert_eq!(both[0], PathBuf::from("\0name"));
    let filled = both[1].to_str().unwrap();
    assert_eq!(filled.len(), 108);
    assert!(filled.starts_with("\0name\0") && filled.ends_with('\0'));
}

fn part() -> impl Strategy<Value = String> {
    "[^\0]{1,12}"
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = text.parse::<Uri>();
    }

    #[test]
    fn what_looks_like_a_uri_is_read_or_refused(text in "[a-z]{1,3}(\\+[a-z]{3})?:[\\]\\[/@:%0-9a-z?&;=#+]{0,30}") {
        if let Ok(read) = text.parse::<Uri>() {
            let again: Uri = read.without_host().parse().unwrap();
            prop_assert_eq!(&again.path, &read.path);
            prop_assert_eq!(&again.fragment, &read.fragment);
        }
    }

    #[test]
    fn what_is_escaped_comes_back(
        (user, host) in (part(), "[^\0@:%]{1,12}"),
        (path, fragment) in (part(), part()),
        theirs in prop::collection::vec((part(), part()), 0..4),
    ) {
        // A name of ours may have few values; those have a test of their own.
        prop_assume!(!theirs.iter().any(|(name, _)| parameters::is_ours(name)));
        let query: Vec<_> = theirs
            .iter()
            .map(|(name, value)| format!("{}={}", escape::part(name), escape::part(value)))
            .collect();
        let text = format!(
            "qemu+ssh://{}@{}/{}?{}#{}",
            escape::part(&user),
            escape::part(&host),
            escape::path(&path),
            query.join("&"),
            escape::part(&fragment)
        );
        let read: Uri = text.parse().unwrap();
        prop_assert_eq!(read.user.as_deref(), Some(user.as_str()));
        prop_assert_eq!(read.host.as_deref(), Some(host.as_str()));
        prop_assert_eq!(&read.path, &format!("/{path}"));
        prop_assert_eq!(&read.parameters, &theirs);
        prop_assert_eq!(read.fragment.as_deref(), Some(fragment.as_str()));
        let sent: Uri = read.name().parse().unwrap();
        prop_assert_eq!(sent.path, read.path);
        prop_assert_eq!(sent.parameters, theirs);
        prop_assert_eq!(sent.fragment, read.fragment);
    }
}

#[test]
fn a_zone_is_a_name() {
    for zone in ["0%2@5eth0", "25a%2Fb", "25%40", "25"] {
        let text = format!("qemu+ssh://[fe80::1%{zone}]/system");
        assert!(text.parse::<Uri>().is_err() || zone == "25", "{text}");
    }
    let uri: Uri = "qemu+tcp://[fe80::1%25eth0.7]/system".parse().unwrap();
    assert_eq!(uri.host.as_deref(), Some("fe80::1%eth0.7"));
}
