//! Many domains, and their end.

use drover_rpc::flags::{ConnectListAllDomainsFlags, DomainDefineFlags, DomainUndefineFlags};
use drover_rpc::{Client, Domain};
use futures::future::join_all;

/// What the names of our domains begin with.
const PREFIX: &str = "drover-bench-";

/// Defines so many; those of a run that failed are removed first.
pub(crate) async fn define(client: &Client, count: usize) {
    remove(client).await;
    let kind = if client.uri().driver == "qemu" {
        "qemu"
    } else {
        "test"
    };
    let define = async |number: usize| {
        let xml = definition(kind, number);
        let defined = client.define_domain(&xml, DomainDefineFlags::empty());
        defined.await.unwrap();
    };
    join_all((0..count).map(define)).await;
}

/// A guest with a disk and an interface, as most have.
fn definition(kind: &str, number: usize) -> String {
    format!(
        "<domain type='{kind}'><name>{PREFIX}{number}</name><memory unit='MiB'>512</memory>\
         <vcpu>2</vcpu><os><type arch='x86_64'>hvm</type></os><devices>\
         <disk type='file' device='disk'><driver name='qemu' type='raw'/>\
         <source file='/nowhere/{PREFIX}{number}'/><target dev='vda' bus='virtio'/></disk>\
         <interface type='network'><source network='default'/><model type='virtio'/></interface>\
         </devices></domain>"
    )
}

/// Removes ours, and no others.
pub(crate) async fn remove(client: &Client) {
    let all = client.domains(ConnectListAllDomainsFlags::empty());
    let ours = all.await.unwrap();
    let ours = ours
        .iter()
        .filter(|domain| domain.name().starts_with(PREFIX));
    join_all(ours.map(undefine)).await;
}

async fn undefine(domain: &Domain) {
    let flags = DomainUndefineFlags::empty();
    domain.undefine(flags).await.unwrap();
}
