//! How fast an image gets to its hosts, beside virsh with the same file from the host's own disk.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drover_crds::{ClusterImage, Volume, condition};
use drover_e2e::hosts::{self, Host, record};
use drover_e2e::places::GATEWAY;
use drover_e2e::{Lab, image_server};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::figures::{Target, load, part};
use crate::fleet::{Fleet, until};
use crate::subject::Subject;

const SIZE: u64 = 1 << 30;
const PIECE: u64 = 4 << 20;
const DATA: usize = 1 << 20;
const NAME: &str = "bench.raw";
const PACKED: &str = "bench.qcow2";
const PORT: u16 = 8_090;
const FETCHED: &str = "drover_import_bytes_total";

/// An image that is served.
struct Source {
    file: &'static str,
    /// How many bytes are fetched.
    length: u64,
    sum: String,
}

/// Measures it: of the same disk, once with its holes as they are, and once as qcow2, which has none.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let count = count.unwrap_or(5);
    let folder = lab.built("bench-images");
    let sources = [sparse(&folder), qcow2(&folder)];
    let (address, served) = (format!("{GATEWAY}:{PORT}"), folder.clone());
    let address = address.parse().expect("an address");
    std::thread::spawn(move || image_server::serve(address, None, served).expect("a port"));
    println!(
        "A disk of 1 GiB of which {} MiB are data, {count} times, {}",
        (SIZE / PIECE * DATA as u64) >> 20,
        load()
    );
    let hosts: Vec<Host> = record::all(lab).expect("hosts");
    let mut targets = Vec::new();
    for source in sources {
        let upload = || upload(lab, &hosts[0], &folder.join(source.file));
        let virsh: Vec<_> = (0..count).map(|_| upload()).collect();
        let by_hand = (0..count).map(|_| by_hand(lab, &hosts[0], &source));
        let by_hand = by_hand.collect();
        let peers = Peers { virsh, by_hand };
        let bench = Bench {
            subject: Subject::start(lab),
            fleet: Fleet::new(lab, &[]).await,
            source,
        };
        targets.extend(bench.measure(&hosts, &peers).await);
        bench.fleet.remove().await;
    }
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    targets
}

/// How long others take.
struct Peers {
    /// virsh, for a file that its host has already.
    virsh: Vec<Duration>,
    /// A script, from the URL until a disk is based on it.
    by_hand: Vec<Duration>,
}

struct Bench {
    subject: Subject,
    fleet: Fleet,
    source: Source,
}

impl Bench {
    async fn measure(&self, hosts: &[Host], peers: &Peers) -> Vec<Target> {
        let (subject, count) = (&self.subject, peers.virsh.len());
        let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
        let before = subject.memory().0;
        let (mut one, cpu) = (Vec::new(), subject.cpu());
        for _ in 0..count {
            one.push(self.import(&names[..1]).await);
        }
        let cpu = (subject.cpu() - cpu) / u32::try_from(count).expect("few");
        let grown = subject.memory().1 - before;
        let fetched = subject.sum(FETCHED);
        let mut many = Vec::new();
        for _ in 0..count {
            many.push(self.import(&names).await);
        }
        let fetched = (subject.sum(FETCHED) - fetched) / self.source.length as f64;
        let (file, all) = (self.source.file, names.len());
        let (virsh, one) = (part(&peers.virsh, 0.5), part(&one, 0.5));
        let by_hand = part(&peers.by_hand, 0.5);
        let many = part(&many, 0.5);
        let of = |what: &str| format!("{file}: {what}");
        vec![
            Target::shown(&of("virsh vol-upload --sparse, P50"), virsh, "ms"),
            Target::shown(&of("a script: curl, sha256sum, virsh, P50"), by_hand, "ms"),
            Target::shown(&of("URL to one host, P50"), one, "ms"),
            Target::new(&of("a part of virsh's"), one * 100.0 / virsh, "%", 125.0),
            Target::shown(
                &of("the operator's processor time of it"),
                part(&[cpu], 0.5),
                "ms",
            ),
            Target::new(&of("RSS beyond what it was"), grown, "MiB", 16.0),
            Target::shown(&of(&format!("URL to {all} hosts, P50")), many, "ms"),
            Target::new(&of("the same, times one host"), many / one, "x", 3.0),
            Target::new(&of("fetched for it"), fetched / count as f64, "times", 1.0),
        ]
    }

    // From the first request until a disk is based on the image on each host.
    async fn import(&self, hosts: &[String]) -> Duration {
        let client = self.fleet.client();
        let images: Api<ClusterImage> = Api::all(client.clone());
        let volumes: Api<Volume> = Api::namespaced(client, &self.fleet.namespace);
        let image = json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "ClusterImage",
            "metadata": {"name": self.fleet.namespace},
            "spec": {
                "source": {"http": {"url": format!("http://{GATEWAY}:{PORT}/{}", self.source.file)}},
                "checksum": format!("sha256:{}", self.source.sum),
            },
        });
        let image = serde_json::from_value(image).expect("an image");
        let start = Instant::now();
        let made = images.create(&PostParams::default(), &image).await;
        made.expect("an image");
        for host in hosts {
            let volume = json!({
                "apiVersion": "drover.dev/v1alpha1",
                "kind": "Volume",
                "metadata": {"name": host},
                "spec": {
                    "pool": "first",
                    "host": host,
                    "capacity": "1Gi",
                    "reclaimPolicy": "Delete",
                    "source": {"clusterImage": {"name": self.fleet.namespace}},
                },
            });
            let volume = serde_json::from_value(volume).expect("a volume");
            let made = volumes.create(&PostParams::default(), &volume).await;
            made.expect("a volume");
        }
        for host in hosts {
            until(|| async {
                let volume = volumes.get(host).await.expect("a volume");
                let status = volume.status.unwrap_or_default();
                condition::is_true(&status.conditions, "Ready")
            })
            .await;
        }
        let took = start.elapsed();
        for host in hosts {
            let gone = volumes.delete(host, &DeleteParams::default()).await;
            gone.expect("it is to go");
        }
        let name = image.name_any();
        let gone = images.delete(&name, &DeleteParams::default()).await;
        gone.expect("it is to go");
        until(|| async { images.get_opt(&name).await.expect("an answer").is_none() }).await;
        took
    }
}

// Data that nobody could pack, and holes; its checksum.
fn sparse(folder: &Path) -> Source {
    std::fs::create_dir_all(folder).expect("a folder");
    let mut file = File::create(folder.join(NAME)).expect("a file");
    file.set_len(SIZE).expect("a size");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut data = vec![0; DATA];
    let mut hash = Sha256::new();
    let hole = vec![0; usize::try_from(PIECE).expect("small") - DATA];
    for piece in 0..SIZE / PIECE {
        for word in data.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        file.seek(SeekFrom::Start(piece * PIECE)).expect("a place");
        file.write_all(&data).expect("data");
        hash.update(&data);
        hash.update(&hole);
    }
    file.sync_all().expect("it is there");
    Source {
        file: NAME,
        length: SIZE,
        sum: format!("{:x}", hash.finalize()),
    }
}

fn qcow2(folder: &Path) -> Source {
    let mut convert = std::process::Command::new("qemu-img");
    convert.args(["convert", "-O", "qcow2", NAME, PACKED]);
    let done = convert.current_dir(folder).status();
    assert!(done.expect("qemu-img").success());
    let content = std::fs::read(folder.join(PACKED)).expect("a file");
    Source {
        file: PACKED,
        length: content.len() as u64,
        sum: format!("{:x}", Sha256::digest(&content)),
    }
}

// What virsh takes for it, from a file of the host's.
fn upload(lab: &Lab, host: &Host, file: &Path) -> Duration {
    let inside = inside(lab, host);
    let mut copy = std::process::Command::new("cp");
    copy.arg("--sparse=always").arg(file).arg(&inside);
    assert!(copy.status().expect("cp").success());
    let virsh = |words: &[&str]| hosts::virsh(lab, host, words).expect("virsh");
    virsh(&["vol-create-as", "first", "bench", "64k", "--format", "raw"]);
    let file = format!("/root/{NAME}");
    let start = Instant::now();
    virsh(&["vol-upload", "bench", &file, "--pool", "first", "--sparse"]);
    let took = start.elapsed();
    virsh(&["vol-delete", "bench", "--pool", "first"]);
    std::fs::remove_file(inside).expect("the copy goes");
    took
}

// What a script takes that fetches a file to the host, checks it, and gives it to virsh.
fn by_hand(lab: &Lab, host: &Host, source: &Source) -> Duration {
    let inside = inside(lab, host);
    let url = format!("http://{GATEWAY}:{PORT}/{}", source.file);
    let virsh = |words: &[&str]| hosts::virsh(lab, host, words).expect("virsh");
    let file = format!("/root/{NAME}");
    let start = Instant::now();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sSf", &url, "-o"]).arg(&inside);
    assert!(curl.status().expect("curl").success());
    let sum = std::process::Command::new("sha256sum")
        .arg(&inside)
        .output();
    let sum = String::from_utf8(sum.expect("sha256sum").stdout).expect("digits");
    assert!(sum.starts_with(&source.sum), "{sum}");
    virsh(&["vol-create-as", "first", "bench", "64k", "--format", "raw"]);
    virsh(&["vol-upload", "bench", &file, "--pool", "first", "--sparse"]);
    let format = match source.file {
        PACKED => "qcow2",
        _ => "raw",
    };
    virsh(&["pool-refresh", "first"]);
    let disk = ["vol-create-as", "first", "disk", "1G", "--format", "qcow2"];
    let base = ["--backing-vol", "bench", "--backing-vol-format", format];
    virsh(&[&disk[..], &base].concat());
    let took = start.elapsed();
    virsh(&["vol-delete", "disk", "--pool", "first"]);
    virsh(&["vol-delete", "bench", "--pool", "first"]);
    std::fs::remove_file(inside).expect("what was fetched goes");
    took
}

fn inside(lab: &Lab, host: &Host) -> PathBuf {
    host.root(lab).join("root").join(NAME)
}
