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
use crate::fleet::{Fleet, LIMIT};
use crate::subject::Subject;

const SIZE: u64 = 1 << 30;
const PIECE: u64 = 4 << 20;
const DATA: usize = 1 << 20;
const NAME: &str = "bench.raw";
const PORT: u16 = 8_090;
const FETCHED: &str = "drover_import_bytes_total";

/// Measures it.
pub(crate) async fn run(lab: &Lab, count: Option<usize>) -> Vec<Target> {
    let count = count.unwrap_or(5);
    let folder = lab.built("bench-images");
    let sum = sparse(&folder);
    let (address, served) = (format!("{GATEWAY}:{PORT}"), folder.clone());
    let address = address.parse().expect("an address");
    std::thread::spawn(move || image_server::serve(address, None, served));
    let all: Vec<Host> = record::all(lab).expect("hosts");
    let virsh: Vec<_> = (0..count).map(|_| upload(lab, &all[0], &folder)).collect();
    let subject = Subject::start(lab);
    let bench = Bench {
        fleet: Fleet::new(lab, &[]).await,
        sum,
    };
    let names: Vec<String> = all.iter().map(|host| host.name.clone()).collect();
    let before = subject.memory().0;
    let (mut one, cpu) = (Vec::new(), subject.cpu());
    for _ in 0..count {
        one.push(bench.import(&names[..1]).await);
    }
    let cpu = (subject.cpu() - cpu) / u32::try_from(count).expect("few");
    let grown = subject.memory().1 - before;
    let fetched = subject.sum(FETCHED);
    let mut many = Vec::new();
    for _ in 0..count {
        many.push(bench.import(&names).await);
    }
    let fetched = (subject.sum(FETCHED) - fetched) / SIZE as f64 / count as f64;
    bench.fleet.remove().await;
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    println!(
        "1 GiB of which {} MiB are data, {count} times, {}",
        (SIZE / PIECE * DATA as u64) >> 20,
        load()
    );
    let hosts = names.len();
    let (virsh, one) = (part(&virsh, 0.5), part(&one, 0.5));
    let many = part(&many, 0.5);
    vec![
        Target::shown("virsh vol-upload --sparse, P50", virsh, "ms"),
        Target::shown("URL to one host, P50", one, "ms"),
        Target::new(
            "the same, as a part of virsh's",
            one * 100.0 / virsh,
            "%",
            125.0,
        ),
        Target::shown(
            "the operator's processor time of it",
            part(&[cpu], 0.5),
            "ms",
        ),
        Target::new("RSS: most beyond what it was", grown, "MiB", 16.0),
        Target::shown(&format!("URL to {hosts} hosts, P50"), many, "ms"),
        Target::new("the same, times one host", many / one, "x", 3.0),
        Target::new("fetched for it", fetched, "times", 1.0),
    ]
}

struct Bench {
    fleet: Fleet,
    sum: String,
}

impl Bench {
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
                "source": {"http": {"url": format!("http://{GATEWAY}:{PORT}/{NAME}")}},
                "checksum": format!("sha256:{}", self.sum),
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

async fn until<F: Future<Output = bool>>(is: impl Fn() -> F) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < LIMIT, "not in {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// Data that nobody could pack, and holes; its checksum.
fn sparse(folder: &Path) -> String {
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
    format!("{:x}", hash.finalize())
}

// What virsh takes for it, from a file of the host's.
fn upload(lab: &Lab, host: &Host, folder: &Path) -> Duration {
    let inside: PathBuf = host.root(lab).join("root").join(NAME);
    let mut copy = std::process::Command::new("cp");
    copy.arg("--sparse=always")
        .arg(folder.join(NAME))
        .arg(&inside);
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
