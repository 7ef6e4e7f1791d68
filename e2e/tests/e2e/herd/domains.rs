//! What domains can be asked to do, in their order and out of it.

use drover_core::identity::XML_NAMESPACE;
use drover_rpc::proto::remote::Domain;

use super::talk::{Talk, architecture};

const UUID: [u8; 16] = [0x11; 16];
const OTHER: [u8; 16] = [0x22; 16];
const LIVE: u32 = 1;
const CONFIG: u32 = 2;

/// A domain as the operator writes it, without disks and interfaces.
fn machine(talk: &Talk, name: &str, uuid: [u8; 16], memory: u32) -> String {
    let uuid = u128::from_be_bytes(uuid);
    let uuid = format!("{uuid:032x}");
    let (driver, arch) = (talk.driver, architecture(talk.driver));
    let (cpu, devices) = if driver == "test" {
        (
            "<cpu><topology sockets='1' cores='2' threads='1'/></cpu>",
            "<memballoon model='none'/>",
        )
    } else {
        (
            "<cpu mode='custom' match='exact'><topology sockets='1' cores='2' threads='1'/>\
             <model fallback='allow'>qemu64</model></cpu>",
            "<controller type='scsi' index='0' model='virtio-scsi'/>\
             <serial type='pty'><log file='/var/log/libvirt/qemu/herd.log' append='on'/>\
             <target port='0'/></serial>\
             <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>\
             <memballoon model='virtio'/>\
             <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\
             <panic model='isa'/>",
        )
    };
    format!(
        "<domain type='{driver}'><name>{name}</name><uuid>{uuid}</uuid><metadata>\
         <drover:mark xmlns:drover='{XML_NAMESPACE}' fleet='lab' namespace='a' name='{name}' \
         uid='u' epoch='1'/></metadata><memory unit='KiB'>{memory}</memory>\
         <currentMemory unit='KiB'>{memory}</currentMemory><vcpu>2</vcpu>\
         <os><type arch='{arch}'>hvm</type><boot dev='hd'/></os>\
         <features><acpi/><apic/></features>{cpu}<clock offset='utc'/>\
         <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot>\
         <on_crash>destroy</on_crash><devices>{devices}</devices></domain>"
    )
}

fn named(name: &str, uuid: [u8; 16]) -> Domain {
    Domain {
        name: name.into(),
        uuid,
        id: -1,
    }
}

/// A whole life of some.
pub(super) async fn live(talk: &mut Talk) {
    nobody(talk).await;
    refused(talk).await;
    defined(talk).await;
    run(talk).await;
    paused(talk).await;
    marked(talk).await;
    redefined(talk).await;
    stopped(talk).await;
    transient(talk).await;
}

// What is asked of a domain that is not there.
async fn nobody(talk: &mut Talk) {
    let client = talk.client.clone();
    let gone = || named("herd-gone", OTHER);
    talk.look("nobody", &gone()).await;
    let found = client.domain_lookup_by_name("herd-gone").await;
    talk.went("nobody by name", found);
    let found = client.domain_lookup_by_uuid(OTHER).await;
    talk.went("nobody by UUID", found);
    let result = client.domain_create_with_flags(gone(), 0).await;
    talk.went("nobody starts", result);
    let result = client.domain_destroy_flags(gone(), 0).await;
    talk.went("nobody is destroyed", result);
    let result = client.domain_shutdown_flags(gone(), 0).await;
    talk.went("nobody is shut down", result);
    let result = client.domain_undefine_flags(gone(), 0).await;
    talk.went("nobody is undefined", result);
    let result = client.domain_suspend(gone()).await;
    talk.went("nobody is paused", result);
    let result = client.domain_resume(gone()).await;
    talk.went("nobody is resumed", result);
    let result = client.domain_set_autostart(gone(), 1).await;
    talk.went("nobody is started with the host", result);
    mark(talk, &gone(), CONFIG, "1").await;
}

async fn mark(talk: &mut Talk, domain: &Domain, flags: u32, epoch: &str) {
    let text = format!("<mark fleet='lab' namespace='a' name='marked' epoch='{epoch}'/>");
    let client = talk.client.clone();
    let (key, uri) = (Some("drover".into()), Some(XML_NAMESPACE.into()));
    let domain = domain.clone();
    let set = client.domain_set_metadata(domain, 2, Some(text.as_str().into()), key, uri, flags);
    talk.went(&format!("mark {flags}"), set.await);
}

// What is no definition.
async fn refused(talk: &mut Talk) {
    let client = talk.client.clone();
    let whole = machine(talk, "herd-a", UUID, 65_536);
    let without = |from: &str, to: &str| whole.replace(from, to);
    let bad = [
        ("no XML", "<domain".to_owned()),
        ("another element", without("domain", "network")),
        ("no name", without("<name>herd-a</name>", "")),
        (
            "a name with a slash",
            without("<name>herd-a", "<name>herd/a"),
        ),
        ("an empty name", without("<name>herd-a", "<name>")),
        ("no type", without(&format!("type='{}'", talk.driver), "")),
        (
            "another type",
            without(&format!("type='{}'", talk.driver), "type='xen'"),
        ),
        (
            "no memory",
            without("<memory unit='KiB'>65536</memory>", ""),
        ),
        (
            "another architecture",
            without(architecture(talk.driver), "vax"),
        ),
        (
            "not a UUID",
            without("11111111111111111111111111111111", "1"),
        ),
    ];
    for (what, xml) in bad {
        let defined = client.domain_define_xml_flags(xml, 0).await;
        if let Some(domain) = talk.went(what, defined) {
            talk.note(what, domain.name.to_string());
            client.domain_undefine_flags(domain, 0).await.unwrap();
        }
    }
    talk.heard("refused").await;
}

async fn defined(talk: &mut Talk) {
    let client = talk.client.clone();
    let xml = machine(talk, "herd-a", UUID, 65_536);
    let defined = client.domain_define_xml_flags(xml, 0).await;
    let domain = talk.went("define", defined).unwrap();
    talk.note("define", (domain.name.to_string(), domain.uuid, domain.id));
    talk.look("defined", &domain).await;
    let found = client.domain_lookup_by_name("herd-a").await;
    talk.answer("by name", found.map(|it| (it.uuid, it.id)));
    let found = client.domain_lookup_by_uuid(UUID).await;
    talk.answer("by UUID", found.map(|it| (it.name.to_string(), it.id)));
    let same_name = machine(talk, "herd-a", OTHER, 65_536);
    let result = client.domain_define_xml_flags(same_name, 0).await;
    talk.went("another of that name", result);
    let same_uuid = machine(talk, "herd-b", UUID, 65_536);
    let result = client.domain_define_xml_flags(same_uuid, 0).await;
    talk.went("another of that UUID", result);
    let result = client.domain_set_autostart(domain.clone(), 1).await;
    talk.went("with the host", result);
    talk.look("with the host", &domain).await;
    let result = client.domain_set_autostart(domain.clone(), 0).await;
    talk.went("not with the host", result);
    for (what, flags) in [("off", 0), ("button off", 1)] {
        let result = client.domain_shutdown_flags(domain.clone(), flags).await;
        talk.went(&format!("{what} while it is off"), result);
    }
    let result = client.domain_destroy_flags(domain.clone(), 0).await;
    talk.went("destroyed while it is off", result);
    let result = client.domain_suspend(domain.clone()).await;
    talk.went("paused while it is off", result);
    let result = client.domain_resume(domain.clone()).await;
    talk.went("resumed while it is off", result);
    let result = client.domain_reset(domain.clone(), 0).await;
    talk.went("reset while it is off", result);
    mark(talk, &domain, LIVE, "2").await;
    talk.heard("defined").await;
}

async fn run(talk: &mut Talk) {
    let client = talk.client.clone();
    let domain = named("herd-a", UUID);
    let result = client.domain_create_with_flags(domain.clone(), 0).await;
    let started = talk.went("start", result).unwrap();
    talk.note("start", (started.name.to_string(), started.id > 0));
    talk.look("started", &domain).await;
    let result = client.domain_create_with_flags(domain.clone(), 0).await;
    talk.went("start again", result);
    let info = client.domain_get_info(domain.clone()).await;
    let info = info.map(|it| (it.state, it.max_mem, it.memory, it.nr_virt_cpu));
    talk.answer("info", info);
    let addresses = client
        .domain_interface_addresses(domain.clone(), 0, 0)
        .await;
    talk.answer("addresses", addresses);
    let result = client.domain_reset(domain.clone(), 0).await;
    talk.went("reset", result);
    talk.heard("started").await;
}

async fn paused(talk: &mut Talk) {
    let client = talk.client.clone();
    let domain = named("herd-a", UUID);
    let result = client.domain_suspend(domain.clone()).await;
    talk.went("pause", result);
    talk.look("paused", &domain).await;
    let result = client.domain_suspend(domain.clone()).await;
    talk.went("pause again", result);
    talk.heard("paused").await;
    let result = client.domain_resume(domain.clone()).await;
    talk.went("resume", result);
    talk.look("resumed", &domain).await;
    let result = client.domain_resume(domain.clone()).await;
    talk.went("resume again", result);
    talk.heard("resumed").await;
}

async fn marked(talk: &mut Talk) {
    let client = talk.client.clone();
    let domain = named("herd-a", UUID);
    mark(talk, &domain, LIVE, "3").await;
    talk.look("marked what runs", &domain).await;
    mark(talk, &domain, CONFIG, "4").await;
    mark(talk, &domain, LIVE | CONFIG, "5").await;
    talk.look("marked both", &domain).await;
    talk.heard("marked").await;
    let uri = || Some(XML_NAMESPACE.into());
    let taken = client
        .domain_set_metadata(domain.clone(), 2, None, None, uri(), CONFIG)
        .await;
    talk.went("mark taken", taken);
    let again = client
        .domain_set_metadata(domain.clone(), 2, None, None, uri(), CONFIG)
        .await;
    talk.went("mark taken again", again);
    let nameless = client
        .domain_set_metadata(domain.clone(), 2, Some("<a/>".into()), None, None, CONFIG)
        .await;
    talk.went("a mark of nobody", nameless);
    let broken = client
        .domain_set_metadata(
            domain.clone(),
            2,
            Some("<a".into()),
            Some("k".into()),
            uri(),
            CONFIG,
        )
        .await;
    talk.went("a broken mark", broken);
    talk.look("no mark", &domain).await;
    talk.heard("no mark").await;
}

async fn redefined(talk: &mut Talk) {
    let client = talk.client.clone();
    let domain = named("herd-a", UUID);
    let xml = machine(talk, "herd-a", UUID, 131_072);
    let result = client.domain_define_xml_flags(xml, 0).await;
    let again = talk.went("define again", result).unwrap();
    talk.note("define again", again.id > 0);
    talk.look("defined again", &domain).await;
    talk.heard("defined again").await;
}

async fn stopped(talk: &mut Talk) {
    let client = talk.client.clone();
    let domain = named("herd-a", UUID);
    let result = client.domain_destroy_flags(domain.clone(), 0).await;
    talk.went("destroy", result);
    talk.look("destroyed", &domain).await;
    let result = client.domain_destroy_flags(domain.clone(), 0).await;
    talk.went("destroy again", result);
    talk.heard("destroyed").await;
    // Paused from the first moment.
    let result = client.domain_create_with_flags(domain.clone(), 1).await;
    talk.went("start paused", result);
    talk.look("started paused", &domain).await;
    let result = client.domain_shutdown_flags(domain.clone(), 2).await;
    talk.went("shut down by an agent", result);
    talk.heard("started paused").await;
    let result = client.domain_resume(domain.clone()).await;
    talk.went("resume what started paused", result);
    talk.look("resumed from the start", &domain).await;
    talk.heard("resumed from the start").await;
    let result = client.domain_shutdown_flags(domain.clone(), 2).await;
    talk.went("shut down by an agent that is not there", result);
    if talk.driver == "test" {
        // A guest of QEMU's that has no system does not hear of it.
        let result = client.domain_shutdown_flags(domain.clone(), 0).await;
        talk.went("shut down", result);
        talk.look("shut down", &domain).await;
        talk.heard("shut down").await;
        let result = client.domain_create_with_flags(domain.clone(), 0).await;
        talk.went("start once more", result);
    }
}

async fn transient(talk: &mut Talk) {
    let client = talk.client.clone();
    let domain = named("herd-a", UUID);
    let result = client.domain_undefine_flags(domain.clone(), 1 << 20).await;
    talk.went("undefine in no known way", result);
    for flags in [1 | 2 | 4 | 16 | 32, 1 | 2 | 4 | 16, 3] {
        let result = client.domain_undefine_flags(domain.clone(), flags).await;
        let step = format!("undefine while it runs {flags}");
        if talk.went(&step, result).is_some() {
            break;
        }
    }
    talk.look("undefined", &domain).await;
    let result = client.domain_undefine_flags(domain.clone(), 0).await;
    talk.went("undefine again", result);
    let result = client.domain_set_autostart(domain.clone(), 1).await;
    talk.went("a transient one with the host", result);
    mark(talk, &domain, CONFIG, "6").await;
    talk.heard("undefined").await;
    let result = client.domain_destroy_flags(domain.clone(), 0).await;
    talk.went("destroy what is transient", result);
    talk.look("gone", &domain).await;
    talk.heard("gone").await;
    let xml = machine(talk, "herd-a", UUID, 65_536);
    let domain = client.domain_define_xml_flags(xml, 1).await;
    let domain = talk.went("define with the schema", domain).unwrap();
    let result = client.domain_undefine_flags(domain.clone(), 3).await;
    talk.went("undefine", result);
    talk.look("gone again", &domain).await;
    talk.heard("gone again").await;
}
