//! Stands between the operator and one host's libvirt, and reads which procedures are called.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use drover_e2e::Lab;
use drover_e2e::places::GATEWAY;
use drover_rpc_proto::remote;

use super::trigger::{Moment, Trigger};

/// The remote program's number, and a header's words.
const REMOTE: u32 = 0x2000_8086;
const CALL: u32 = 0;

/// A proxy; its threads end with the test's process.
pub(crate) struct RpcProxy {
    pub(crate) trigger: Trigger,
    port: u16,
}

struct Line {
    from: TcpStream,
    to: TcpStream,
    lab: Lab,
    trigger: Trigger,
    // Serials of calls whose reply is waited for.
    marked: Arc<Mutex<HashSet<u32>>>,
}

impl RpcProxy {
    /// Listens, and passes everything on to `target`.
    pub(crate) fn start(lab: &Lab, target: String) -> Self {
        let listener = TcpListener::bind((GATEWAY, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let trigger = Trigger::default();
        let (lab, shared) = (lab.clone(), trigger.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A host that is off: the operator sees the connection end.
                if let Ok(server) = TcpStream::connect(&target) {
                    join(&lab, &shared, client, server);
                }
            }
        });
        Self { trigger, port }
    }

    /// The URI of the host's QEMU driver through the proxy.
    pub(crate) fn uri(&self) -> String {
        format!("qemu+tcp://{GATEWAY}:{}/system", self.port)
    }
}

fn join(lab: &Lab, trigger: &Trigger, client: TcpStream, server: TcpStream) {
    for end in [&client, &server] {
        end.set_nodelay(true).unwrap();
    }
    let marked = Arc::new(Mutex::new(HashSet::new()));
    let line = |from: &TcpStream, to: &TcpStream| Line {
        from: from.try_clone().unwrap(),
        to: to.try_clone().unwrap(),
        lab: lab.clone(),
        trigger: trigger.clone(),
        marked: Arc::clone(&marked),
    };
    let (out, back) = (line(&client, &server), line(&server, &client));
    std::thread::spawn(move || out.run(Moment::Before));
    std::thread::spawn(move || back.run(Moment::After));
}

impl Line {
    fn run(mut self, moment: Moment) {
        while let Ok(frame) = read_frame(&mut self.from) {
            if self.matches(&frame, moment) && !self.trigger.act(&self.lab, moment) {
                break;
            }
            if self.to.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = self.from.shutdown(Shutdown::Both);
        let _ = self.to.shutdown(Shutdown::Both);
    }

    fn matches(&self, frame: &[u8], moment: Moment) -> bool {
        let word = |index: usize| {
            let bytes = frame.get(4 * index..4 * index + 4).unwrap_or_default();
            bytes.try_into().map_or(0, u32::from_be_bytes)
        };
        let (program, procedure, kind, serial) = (word(1), word(3), word(4), word(5));
        if program != REMOTE {
            return false;
        }
        let mut marked = self.marked.lock().unwrap();
        match moment {
            Moment::Before if kind == CALL && self.trigger.counts(name(procedure)) => {
                marked.insert(serial);
                true
            }
            Moment::Before => false,
            Moment::After => marked.remove(&serial),
        }
    }
}

fn name(procedure: u32) -> &'static str {
    let number = i32::try_from(procedure).unwrap_or_default();
    let mut rows = remote::TABLE.iter();
    rows.find(|row| row.number == number)
        .map_or("", |row| row.name)
}

fn read_frame(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let whole = usize::try_from(u32::from_be_bytes(length)).unwrap_or_default();
    let mut frame = vec![0; whole.max(4)];
    frame[..4].copy_from_slice(&length);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}
