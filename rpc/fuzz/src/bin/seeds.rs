//! Writes the seeds: what a server says when all goes well, and what people write.

#![forbid(unsafe_code)]

use std::path::Path;

use drover_fuzz::decode::TYPES;
use drover_rpc_proto::frame::{Header, Kind, Status, write_frame};
use drover_rpc_proto::remote::{TypedParam, TypedParamValue};
use drover_rpc_proto::{net, program};
use drover_xdr::{Encoder, Error, to_bytes};

// The coverage that everything here is built with needs the fuzzer's runtime to link against.
libfuzzer_sys::fuzz_target!(|_data: &[u8]| {});

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut count = 0;
    let frames = frames()?;
    let pieces: Vec<_> = [1, 28, 255]
        .map(|size| [&[size], &frames[..]].concat())
        .into();
    for (target, seeds) in [
        ("decode", decode()),
        ("errors", errors()?),
        ("frames", pieces.clone()),
        ("operations", operations()),
        ("params", params()?),
        ("uris", texts(URIS)),
        ("wire", pieces),
        ("xdrgen", texts(SOURCES)),
    ] {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        for (index, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("{index:02}")), seed)?;
            count += 1;
        }
    }
    println!("{count} seeds in {}", folder.display());
    Ok(())
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Every twentieth type, with words that are all 0 or 1.
fn decode() -> Vec<Vec<u8>> {
    let each = (0..TYPES.len()).step_by(20);
    let seed = |index: usize| {
        let index = u16::try_from(index).unwrap_or(0).to_be_bytes();
        let words = (0..24_u32).flat_map(|word| (word % 3 % 2).to_be_bytes());
        index.into_iter().chain([1]).chain(words).collect()
    };
    each.map(seed).collect()
}

fn error(message: Option<&str>) -> Result<Vec<u8>, Error> {
    to_bytes(&net::MessageError {
        code: 39,
        domain: 7,
        message: message.map(Into::into),
        level: 2,
        dom: None,
        str1: Some("%1$s".into()),
        str2: message.map(Into::into),
        str3: None,
        int1: -1,
        int2: -1,
        net: None,
    })
}

fn errors() -> Result<Vec<Vec<u8>>, Error> {
    Ok(vec![error(None)?, error(Some("unknown procedure: 999"))?])
}

/// What comes for the calls of `wire`, whose serials begin with 1.
fn frames() -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut say = |program, procedure, kind, serial, status, body: &[u8]| {
        let header = Header {
            program,
            version: program::VERSION,
            procedure,
            kind,
            serial,
            status,
        };
        write_frame(&mut out, &header, body);
    };
    let (remote, message) = (program::REMOTE, Kind::Message);
    say(program::KEEPALIVE, 1, message, 0, Status::Ok, &[]);
    // An event that is faster than the reply to its registration.
    say(remote, 318, message, 1, Status::Ok, &[0; 44]);
    say(remote, 316, Kind::Reply, 5, Status::Ok, &[0; 4]);
    say(program::QEMU, 4, Kind::Reply, 6, Status::Ok, &[0, 0, 0, 1]);
    say(
        remote,
        16,
        Kind::Reply,
        1,
        Status::Error,
        &error(Some("no"))?,
    );
    for (procedure, serial) in [(209, 2), (208, 3), (201, 4)] {
        say(remote, procedure, Kind::Reply, serial, Status::Ok, &[]);
    }
    say(remote, 209, Kind::Stream, 2, Status::Continue, b"bytes");
    let hole = [0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0];
    say(remote, 209, Kind::StreamHole, 2, Status::Continue, &hole);
    say(remote, 209, Kind::Stream, 2, Status::Continue, &[]);
    say(remote, 209, Kind::Stream, 2, Status::Ok, &[]);
    say(remote, 201, Kind::Stream, 4, Status::Continue, b"login: ");
    say(remote, 208, Kind::Stream, 3, Status::Error, &error(None)?);
    say(remote, 362, message, 1, Status::Ok, &[0, 0, 0, 1]);
    Ok(out)
}

/// Steps that look like chance.
fn operations() -> Vec<Vec<u8>> {
    let seed = |choice: u8| {
        let mut state = u32::from(choice);
        let bytes = (0..400).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        std::iter::once(choice).chain(bytes).collect()
    };
    (0..8).map(seed).collect()
}

fn params() -> Result<Vec<Vec<u8>>, Error> {
    let values = [
        TypedParamValue::Int(-1),
        TypedParamValue::Uint(1),
        TypedParamValue::Llong(i64::MIN),
        TypedParamValue::Ullong(u64::MAX),
        TypedParamValue::Double(0.5),
        TypedParamValue::Boolean(1),
        TypedParamValue::String("text".into()),
    ];
    let one = |value: TypedParamValue| TypedParam {
        field: "name".into(),
        value,
    };
    let params: Vec<TypedParam> = values.into_iter().map(one).collect();
    let mut out = Encoder::default();
    out.list(&params, 16)?;
    Ok(vec![out.into_bytes(), vec![0; 4]])
}

const URIS: &[&str] = &[
    "qemu:///system",
    "qemu+tls://host.example.org:16514/system?pkipath=/etc/pki",
    "qemu+ssh://root@[fe80::1%25eth0]:22/system?socket=/run/libvirt/libvirt-sock&mode=legacy",
    "test+unix:///default?socket=%00abstract&name=test:///default#part",
    "qemu+tcp://10.0.0.1/session?keyfile=a+b;no_verify=1",
];

const SOURCES: &[&str] = &[
    "const A = 0x1F; const B = 017; const C = A;\n%line\n/* words */ enum e { X = 1, Y, Z = -3, };\n",
    "struct s { unsigned a; hyper b<3>; opaque c[8]; string d<>; s *next; bool e; double f; };\n",
    "union u switch (int kind) { case 0: case 1: int a; case 2: void; default: string b<9>; };\n",
    "typedef int list<4>; typedef string name<255>; struct t { list l; name n; list *o; };\n",
    "struct a { int x; }; program P { version V { a GET(int, a) = 1; void NULL(void) = 0; } = 1; } = 0x20000001;\n",
];
