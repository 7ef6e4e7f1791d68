//! Both sides with C code that rpcgen makes of the same file.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use drover_xdr::onc::{OpaqueAuth, Refusal, Reply};
use drover_xdr::{record_marking, to_bytes};

use crate::both::servers;
use crate::client::Client;
use crate::served;
use crate::tools::{Folder, install, run};

const RPC_MISMATCH: Refusal = Refusal::RpcMismatch { low: 2, high: 2 };

// The C client and server, compiled.
struct Programs {
    client: PathBuf,
    server: PathBuf,
}

impl Programs {
    fn build(folder: &Path) -> Self {
        install(
            &["rpcsvc-proto", "libtirpc-dev", "gcc", "libc6-dev"],
            &[
                "/usr/bin/rpcgen",
                "/usr/include/tirpc/rpc/rpc.h",
                "/usr/bin/gcc",
            ],
        );
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onc");
        for name in ["shapes.x", "client.c", "server.c"] {
            std::fs::copy(sources.join(name), folder.join(name)).unwrap();
        }
        for (option, name) in [
            ("-h", "shapes.h"),
            ("-c", "shapes_xdr.c"),
            ("-l", "shapes_clnt.c"),
            ("-m", "shapes_svc.c"),
        ] {
            run(Command::new("rpcgen")
                .current_dir(folder)
                .args([option, "-o", name, "shapes.x"]));
        }
        let compile = |name: &str, generated: &str| {
            run(Command::new("gcc")
                .current_dir(folder)
                .args(["-w", "-I/usr/include/tirpc", "-o", name])
                .args([&format!("{name}.c"), "shapes_xdr.c", generated, "-ltirpc"]));
            folder.join(name)
        };
        Self {
            client: compile("client", "shapes_clnt.c"),
            server: compile("server", "shapes_svc.c"),
        }
    }

    // What the C client is answered at a port, line by line.
    fn answers(&self, transport: &str, port: u16) -> Vec<String> {
        let port = port.to_string();
        let output = run(Command::new(&self.client).args([transport, &port]));
        output.lines().map(str::to_owned).collect()
    }
}

// The C server, ended with the test.
struct Serving {
    child: Child,
    ports: [(&'static str, u16); 2],
}

impl Serving {
    fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let (tcp, udp) = line.trim().split_once(' ').unwrap();
        let ports = [("tcp", tcp.parse().unwrap()), ("udp", udp.parse().unwrap())];
        Self { child, ports }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
#[ignore = "installs rpcgen, libtirpc and a C compiler: run by cargo lab test"]
fn with_rpcgens_c_client_and_server() {
    let folder = Folder::new("onc-c");
    let programs = Programs::build(folder.path());
    let theirs = Serving::start(&programs.server);
    for (transport, port) in theirs.ports {
        println!("our client, C server, {transport}");
        served::all_of_it(&mut Client::connect(transport, port));
    }
    for ((transport, port), (_, ours)) in theirs.ports.into_iter().zip(servers()) {
        println!("C client, our server, {transport}");
        let expected = programs.answers(transport, port);
        let answers = programs.answers(transport, ours.address().port());
        answers.iter().for_each(|line| println!("{line}"));
        assert_eq!(answers, expected);
        every_error_was_there(&answers);
    }
    denials(&programs);
}

fn every_error_was_there(answers: &[String]) {
    for line in [
        "who error 7 why 5",
        "fail error 12",
        "procedure error 10",
        "garbage error 11",
        "version error 9 1 3",
        "program error 8",
    ] {
        assert!(answers.iter().any(|answer| answer == line), "{line}");
    }
}

// A server of no version of RPC that there is: C's client has to understand the denial.
fn denials(programs: &Programs) {
    let any = (Ipv4Addr::LOCALHOST, 0);
    let tcp = TcpListener::bind(any).unwrap();
    let udp = UdpSocket::bind(any).unwrap();
    let ports = [
        ("tcp", tcp.local_addr().unwrap().port()),
        ("udp", udp.local_addr().unwrap().port()),
    ];
    thread::spawn(move || {
        for stream in tcp.incoming() {
            deny_records(stream.unwrap());
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 10_000];
        loop {
            let (length, peer) = udp.recv_from(&mut buffer).unwrap();
            udp.send_to(&denial(&buffer[..length]), peer).unwrap();
        }
    });
    for (transport, port) in ports {
        let answers = programs.answers(transport, port);
        let denied = answers.iter().all(|line| line.ends_with(" error 6 2 2"));
        assert!(denied && answers.len() == 18, "{answers:#?}");
        println!("C client, {transport}: {}", answers[0]);
    }
}

fn deny_records(mut stream: std::net::TcpStream) {
    use std::io::{Read as _, Write as _};
    let mut reader = record_marking::Reader::new(10_000);
    let mut buffer = [0; 10_000];
    loop {
        // A client that is gone ends it.
        let Ok(length @ 1..) = stream.read(&mut buffer) else {
            return;
        };
        let mut input = &buffer[..length];
        while let Some(call) = reader.read(&mut input).unwrap() {
            let mut out = Vec::new();
            record_marking::write(&denial(&call), &mut out);
            stream.write_all(&out).unwrap();
        }
    }
}

fn denial(call: &[u8]) -> Vec<u8> {
    let xid = u32::from_be_bytes(*call.first_chunk().unwrap());
    let reply = Reply {
        xid,
        verifier: OpaqueAuth::none(),
        outcome: Err(RPC_MISMATCH),
    };
    to_bytes(&reply).unwrap()
}
