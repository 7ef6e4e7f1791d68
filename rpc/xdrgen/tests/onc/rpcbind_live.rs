//! A real rpcbind, in namespaces of its own: the machine's is neither asked nor disturbed.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use drover_xdr::onc::{AuthStatus, Flavor, OpaqueAuth, Refusal};

use crate::client::{Any, Client};
use crate::rpcbind::rpcbind::{pmap_vers as pmap, rpcbvers as rpcb};
use crate::rpcbind::{Mapping, PMAP_PORT, Rpcb};
use crate::tools::{Folder, run};

const RPCBIND: u32 = crate::rpcbind::rpcbind::NUMBER;
// The folder with rpcbind's packages, told to the test inside the namespaces.
const INSIDE: &str = "DROVER_TEST_RPCBIND_FOLDER";
const OURS: u32 = 0x2000_0777;
const PORT: u32 = 4567;

// A network, a /run and an `_rpc` among the users, all gone with the test.
const SETUP: &str = "ip link set lo up && mount -t tmpfs none /run && \
    { cat /etc/passwd; echo '_rpc:x:4711:4711::/run/rpcbind:/usr/sbin/nologin'; } > /run/passwd && \
    mount --bind /run/passwd /etc/passwd && mkdir /run/rpcbind && exec \"$@\"";

#[test]
#[ignore = "downloads rpcbind, and runs it as root: run by cargo lab test"]
fn a_real_rpcbind() {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return inside(Path::new(&folder));
    }
    let folder = Folder::new("rpcbind");
    unpack(folder.path());
    let output = run(Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
        .args(["sh", "-c", SETUP, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "rpcbind_live::a_real_rpcbind"])
        .args(["--ignored", "--nocapture"])
        .env(INSIDE, folder.path()));
    print!("{output}");
    assert!(output.contains("1 passed"));
}

// Its packages are unpacked and not installed: an installed one would start.
fn unpack(folder: &Path) {
    let download = || {
        Command::new("apt-get")
            .current_dir(folder)
            .args(["-q", "download", "rpcbind", "libwrap0", "libtirpc3"])
            .output()
            .unwrap()
    };
    if !download().status.success() {
        run(Command::new("apt-get").args(["-qq", "update"]));
        let output = download();
        assert!(output.status.success(), "{output:?}");
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "deb") {
            run(Command::new("dpkg").arg("-x").args([&path, folder]));
        }
    }
}

struct Rpcbind {
    child: Child,
    folder: PathBuf,
}

impl Rpcbind {
    fn start(folder: &Path) -> Self {
        let child = with_libraries(folder, "sbin/rpcbind")
            .arg("-f")
            .spawn()
            .unwrap();
        let started = Self {
            child,
            folder: folder.to_owned(),
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PMAP_PORT as u16));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "rpcbind does not listen");
            thread::park_timeout(Duration::from_millis(10));
        }
        started
    }

    // What its own tool says of our program.
    fn told_by_rpcinfo(&self) -> Vec<String> {
        let output =
            run(with_libraries(&self.folder, "usr/sbin/rpcinfo").args(["-p", "127.0.0.1"]));
        let ours = OURS.to_string();
        let lines = output.lines().filter(|line| line.contains(&ours));
        lines.map(|line| line.trim().to_owned()).collect()
    }
}

impl Drop for Rpcbind {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn with_libraries(folder: &Path, program: &str) -> Command {
    // In one release programs are in /usr/sbin, in another in /sbin.
    let places = [folder.join(program), folder.join("usr").join(program)];
    let place = places.iter().find(|place| place.exists()).unwrap();
    let mut command = Command::new(place);
    command.env("LD_LIBRARY_PATH", folder.join("usr/lib/x86_64-linux-gnu"));
    command
}

fn inside(folder: &Path) {
    let rpcbind = Rpcbind::start(folder);
    for (transport, prot) in [("tcp", 6), ("udp", 17)] {
        let mut client = Client::connect(transport, PMAP_PORT as u16);
        portmapper(&mut client, &rpcbind, prot);
        version_3(&mut client, transport);
        refusals(&mut client);
    }
}

fn portmapper(client: &mut Client, rpcbind: &Rpcbind, prot: u32) {
    let mapping = |prog, vers, port| Mapping {
        prog,
        vers,
        prot,
        port,
    };
    let ours = mapping(OURS, 3, PORT);
    client.call::<pmap::Null>(&()).unwrap();
    let listed = |client: &mut Client, mapping: &Mapping| {
        let list = client.call::<pmap::Dump>(&()).unwrap();
        list.iter().any(|entry| entry.map == *mapping)
    };
    let itself = mapping(RPCBIND, 2, PMAP_PORT);
    assert!(listed(client, &itself) && !listed(client, &ours));
    assert_eq!(client.call::<pmap::Getport>(&itself).unwrap(), PMAP_PORT);
    assert_eq!(client.call::<pmap::Getport>(&ours).unwrap(), 0);
    assert!(client.call::<pmap::Set>(&ours).unwrap());
    // It has it already.
    assert!(
        !client
            .call::<pmap::Set>(&mapping(OURS, 3, PORT + 1))
            .unwrap()
    );
    assert_eq!(client.call::<pmap::Getport>(&ours).unwrap(), PORT);
    assert!(listed(client, &ours));
    let told = rpcbind.told_by_rpcinfo();
    println!("rpcinfo: {told:?}");
    assert!(told.len() == 1 && told[0].contains(&PORT.to_string()));
    assert!(client.call::<pmap::Unset>(&ours).unwrap());
    assert_eq!(client.call::<pmap::Getport>(&ours).unwrap(), 0);
    assert!(!listed(client, &ours));
    assert_eq!(rpcbind.told_by_rpcinfo(), [""; 0]);
}

fn version_3(client: &mut Client, netid: &str) {
    let ours = |addr: &str| Rpcb {
        prog: OURS,
        vers: 3,
        netid: netid.into(),
        addr: addr.into(),
        owner: "".into(),
    };
    let address = "127.0.0.1.17.215";
    assert!(client.call::<rpcb::Set>(&ours(address)).unwrap());
    assert_eq!(client.call::<rpcb::Getaddr>(&ours("")).unwrap(), address);
    let list = client.call::<rpcb::Dump>(&()).unwrap();
    let found = list.iter().find(|entry| entry.map.prog == OURS).unwrap();
    assert_eq!(found.map.addr, address);
    assert!(client.call::<rpcb::Unset>(&ours("")).unwrap());
    assert_eq!(client.call::<rpcb::Getaddr>(&ours("")).unwrap(), "");
    let theirs = client.call::<rpcb::Gettime>(&()).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    assert!(now.unwrap().as_secs().abs_diff(theirs.into()) < 60);
}

fn refusals(client: &mut Client) {
    let refused = client.refused::<Any<RPCBIND, 2, 99>>(&0);
    assert_eq!(refused, Refusal::ProcedureUnavailable);
    let refused = client.refused::<Any<RPCBIND, 9, 0>>(&0);
    assert_eq!(refused, Refusal::ProgramMismatch { low: 2, high: 4 });
    let refused = client.refused::<Any<OURS, 1, 0>>(&0);
    assert_eq!(refused, Refusal::ProgramUnavailable);
    client.caller().credential = OpaqueAuth {
        flavor: Flavor(77),
        body: Vec::new(),
    };
    let refused = client.refused::<pmap::Null>(&());
    assert_eq!(refused, Refusal::Auth(AuthStatus::REJECTED_CREDENTIAL));
    client.caller().credential = OpaqueAuth::none();
    client.call::<pmap::Null>(&()).unwrap();
}
