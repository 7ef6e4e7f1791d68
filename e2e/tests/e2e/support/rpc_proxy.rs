//! Stands between the operator and one host's libvirt, and reads which procedures are called.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use drover_e2e::Lab;
use drover_e2e::places::GATEWAY;
use drover_rpc_proto::remote;

use super::trigger::{Fate, Moment, Trigger};

/// The remote program's number, and what frames are.
pub(crate) const REMOTE: u32 = 0x2000_8086;
const CALL: u32 = 0;
const REPLY: u32 = 1;

/// What becomes of a reply; whether the proxy then ends the connection.
pub(crate) type Spoil = Box<dyn FnOnce(Vec<u8>) -> (Vec<u8>, bool) + Send>;

/// What is done to all connections.
#[derive(Default)]
struct Ways {
    calls: BTreeMap<&'static str, usize>,
    late: Duration,
    unknown: Option<&'static str>,
    spoil: Option<Spoil>,
}

/// A proxy; its threads end with the test's process.
pub(crate) struct RpcProxy {
    ways: Arc<Mutex<Ways>>,
    port: u16,
}

/// One connection.
#[derive(Clone)]
struct Pair {
    lab: Lab,
    trigger: Trigger,
    whose: u64,
    ways: Arc<Mutex<Ways>>,
    // Two threads write to it: what the server says, and what is said in its place.
    client: Arc<Mutex<TcpStream>>,
    // Serials of calls whose reply is waited for.
    marked: Arc<Mutex<HashSet<u32>>>,
}

impl RpcProxy {
    /// Listens, and passes everything on to `target`.
    pub(crate) fn start(lab: &Lab, target: String, trigger: &Trigger) -> Self {
        let listener = TcpListener::bind((GATEWAY, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (lab, trigger) = (lab.clone(), trigger.clone());
        let ways = Arc::<Mutex<Ways>>::default();
        let shared = Arc::clone(&ways);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A host that is off: the operator sees the connection end.
                if let Ok(server) = TcpStream::connect(&target) {
                    let pair = Pair {
                        lab: lab.clone(),
                        trigger: trigger.clone(),
                        whose: trigger.whose(),
                        ways: Arc::clone(&shared),
                        client: Arc::new(Mutex::new(client.try_clone().unwrap())),
                        marked: Arc::default(),
                    };
                    pair.join(client, server);
                }
            }
        });
        Self { ways, port }
    }

    /// The URI of the host's QEMU driver through the proxy.
    pub(crate) fn uri(&self) -> String {
        format!("qemu+tcp://{GATEWAY}:{}/system", self.port)
    }

    /// Holds back each reply and each event for so long, one after the other.
    pub(crate) fn late(&self, each: Duration) {
        self.ways().late = each;
    }

    /// Answers this procedure as a libvirtd that has never heard of it.
    pub(crate) fn unknown(&self, procedure: Option<&'static str>) {
        self.ways().unknown = procedure;
    }

    /// Spoils the next reply that tells of a domain, and so comes on the connection that hears events: a
    /// byte stream, by which a pool's marker is read, has one of its own. Nothing more comes there.
    pub(crate) fn spoil(&self, spoil: Spoil) {
        self.ways().spoil = Some(spoil);
    }

    /// How often a procedure was called.
    pub(crate) fn calls(&self, procedure: &str) -> usize {
        self.ways().calls.get(procedure).copied().unwrap_or(0)
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap()
    }
}

impl Pair {
    fn join(self, client: TcpStream, server: TcpStream) {
        for end in [&client, &server] {
            end.set_nodelay(true).unwrap();
        }
        let (back, from) = (self.clone(), server.try_clone().unwrap());
        std::thread::spawn(move || self.out(client, server));
        std::thread::spawn(move || back.back(from));
    }

    // From the operator to the host.
    fn out(self, mut client: TcpStream, mut server: TcpStream) {
        while let Ok(frame) = read_frame(&mut client) {
            let Some(call) = Called::read(&frame) else {
                if server.write_all(&frame).is_err() {
                    break;
                }
                continue;
            };
            *self.ways().calls.entry(call.name).or_default() += 1;
            match self.trigger.comes(call.name, self.whose) {
                Fate::Pass => {}
                Fate::Drop => break,
                Fate::Act => {
                    self.marked.lock().unwrap().insert(call.serial);
                    if !self.trigger.act(&self.lab, Moment::Before) {
                        break;
                    }
                }
            }
            let unknown = self.ways().unknown == Some(call.name);
            let passed = match unknown {
                true => self.client().write_all(&never_heard_of(&frame)),
                false => server.write_all(&frame),
            };
            if passed.is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }

    // From the host to the operator.
    fn back(self, mut server: TcpStream) {
        while let Ok(frame) = read_frame(&mut server) {
            let is_reply = word(&frame, 1) == REMOTE && word(&frame, 4) == REPLY;
            let ours = is_reply && self.marked.lock().unwrap().remove(&word(&frame, 5));
            if ours && !self.trigger.act(&self.lab, Moment::After) {
                break;
            }
            let late = self.ways().late;
            std::thread::sleep(late);
            let of_domain = is_reply && name(word(&frame, 3)).starts_with("DOMAIN_");
            let spoil = self.ways().spoil.take_if(|_| of_domain);
            if let Some(spoil) = spoil {
                let (bytes, ends) = spoil(frame);
                let _ = self.client().write_all(&bytes);
                if ends {
                    break;
                }
                // The operator is to end it: nothing more comes.
                return;
            }
            if self.client().write_all(&frame).is_err() {
                break;
            }
        }
        let _ = self.client().shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }

    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap()
    }

    fn client(&self) -> MutexGuard<'_, TcpStream> {
        self.client.lock().unwrap()
    }
}

struct Called {
    name: &'static str,
    serial: u32,
}

impl Called {
    fn read(frame: &[u8]) -> Option<Self> {
        let is_call = word(frame, 1) == REMOTE && word(frame, 4) == CALL;
        is_call.then(|| Self {
            name: name(word(frame, 3)),
            serial: word(frame, 5),
        })
    }
}

// A word of a frame; the first is its length.
fn word(frame: &[u8], index: usize) -> u32 {
    let bytes = frame.get(4 * index..4 * index + 4).unwrap_or_default();
    bytes.try_into().map_or(0, u32::from_be_bytes)
}

fn name(procedure: u32) -> &'static str {
    let number = i32::try_from(procedure).unwrap_or_default();
    let mut rows = remote::TABLE.iter();
    rows.find(|row| row.number == number)
        .map_or("", |row| row.name)
}

// As libvirtd says it: VIR_ERR_RPC of VIR_FROM_RPC, and no more than the procedure's number.
fn never_heard_of(call: &[u8]) -> Vec<u8> {
    let message = format!("unknown procedure: {}", word(call, 3));
    let mut body = vec![word(call, 1), word(call, 2), word(call, 3), REPLY];
    body.extend([word(call, 5), 1, 39, 7, 1]);
    body.push(u32::try_from(message.len()).unwrap());
    let mut bytes: Vec<u8> = body.into_iter().flat_map(u32::to_be_bytes).collect();
    bytes.extend(message.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    // An error, without domain, strings and network.
    let rest = [2, 0, 0, 0, 0, u32::MAX, u32::MAX, 0];
    bytes.extend(rest.into_iter().flat_map(u32::to_be_bytes));
    let length = u32::try_from(bytes.len() + 4).unwrap();
    [&length.to_be_bytes()[..], &bytes].concat()
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
