//! CPUs and memory.

use roxmltree::Node;

use super::{Class, Field, Judged, Judgement, Row, Value};
use crate::desired::machine::{DesiredMachine, is_cpu_mode};
use crate::observed::{bytes, child, children, text};
use crate::xml::Element;

type R = Row<DesiredMachine>;

const AT_BOOT: &str = "the guest learns its CPUs' layout when it starts";

pub(super) const SOCKETS: R = R::new(
    "spec.cpu.sockets",
    Class::Live,
    "up to maxSockets; fewer at the next start",
    |machine, _| Value::Number(machine.cpu.sockets.into()),
    |root| sockets(root, current(root)),
    write_cpus,
)
.judged(judge_sockets);

pub(super) const CORES: R = R::new(
    "spec.cpu.cores",
    Class::NextBoot,
    AT_BOOT,
    |machine, _| Value::Number(machine.cpu.cores.into()),
    |root| Value::Number(topology(root).1),
    write_cpus,
);

pub(super) const THREADS: R = R::new(
    "spec.cpu.threads",
    Class::NextBoot,
    AT_BOOT,
    |machine, _| Value::Number(machine.cpu.threads.into()),
    |root| Value::Number(topology(root).2),
    write_cpus,
);

pub(super) const MAX_SOCKETS: R = R::new(
    "spec.cpu.maxSockets",
    Class::NextBoot,
    "how many sockets there can be is laid out when it starts",
    |machine, _| {
        let most = machine.cpu.max_sockets.unwrap_or(machine.cpu.sockets);
        Value::Number(most.into())
    },
    |root| sockets(root, most(root)),
    write_cpus,
);

pub(super) const CPU_MODEL: R = R::new(
    "spec.cpu.model",
    Class::NextBoot,
    "a running guest keeps its CPU",
    |machine, _| match &machine.cpu.model {
        Some(model) => Value::Text(model.clone().into()),
        None => Value::Any,
    },
    read_model,
    write_model,
)
.hidden_live();

pub(super) const CPU_FEATURES: R = R::new(
    "spec.cpu.features",
    Class::NextBoot,
    "a running guest keeps its CPU",
    |machine, _| {
        let all = machine.cpu.features.iter();
        Value::list(all.map(|(name, policy)| format!("{name}={policy}")))
    },
    read_features,
    write_features,
)
.hidden_live();

pub(super) const MEMORY: R = R::new(
    "spec.memory.guest",
    Class::Live,
    "up to maxGuest, by the balloon; otherwise at the next start",
    |machine, _| Value::Kib(machine.memory.kib),
    |root| {
        let current = bytes(root, "currentMemory", "KiB");
        let current = current.or_else(|| bytes(root, "memory", "KiB"));
        Value::Kib(whole_mib(current))
    },
    write_memory,
)
.judged(judge_memory);

pub(super) const MAX_MEMORY: R = R::new(
    "spec.memory.maxGuest",
    Class::NextBoot,
    "how much there can be is laid out when it starts",
    |machine, _| Value::Kib(machine.memory.max_kib.unwrap_or(machine.memory.kib)),
    |root| Value::Kib(whole_mib(bytes(root, "memory", "KiB"))),
    write_memory,
);

pub(super) const HUGEPAGES: R = R::new(
    "spec.memory.hugepages",
    Class::NextBoot,
    "its memory is taken when it starts",
    |machine, _| machine.memory.page_kib.map_or(Value::None, Value::Kib),
    read_hugepages,
    write_hugepages,
)
.of_qemu();

// In KiB. Specs speak of whole MiB, and so does QEMU, which rounds up.
fn whole_mib(bytes: Option<u64>) -> u64 {
    bytes.unwrap_or_default().div_ceil(1 << 20) << 10
}

fn most(root: Node<'_, '_>) -> u64 {
    text(root, "vcpu")
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
}

fn current(root: Node<'_, '_>) -> u64 {
    let current = child(root, "vcpu").and_then(|vcpu| vcpu.attribute("current"));
    current
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| most(root))
}

// Sockets, cores and threads. libvirt counts sockets per die: what is more than one die is more
// sockets here.
fn topology(root: Node<'_, '_>) -> (u64, u64, u64) {
    let topology = child(root, "cpu").and_then(|cpu| child(cpu, "topology"));
    let Some(topology) = topology else {
        return (most(root), 1, 1);
    };
    let number = |name| {
        let text = topology.attribute(name);
        text.and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(1)
            .max(1)
    };
    let dies = number("dies").saturating_mul(number("clusters"));
    (
        number("sockets").saturating_mul(dies),
        number("cores"),
        number("threads"),
    )
}

fn sockets(root: Node<'_, '_>, vcpus: u64) -> Value {
    let (_, cores, threads) = topology(root);
    let each = cores.saturating_mul(threads).max(1);
    if vcpus.is_multiple_of(each) {
        Value::Number(vcpus / each)
    } else {
        Value::Text(format!("{vcpus} virtual CPUs").into())
    }
}

fn judge_sockets(judged: &Judged<'_>) -> Judgement {
    let number = |values: &[Value], field: Field| values.get(field as usize)?.as_number();
    let (from, to) = (judged.from.as_number(), judged.to.as_number());
    let most = number(judged.found, Field::MaxSockets);
    if to > most {
        return Some((
            Class::NextBoot,
            "more than the sockets laid out at its start",
        ));
    }
    if from.is_none() || to < from {
        return Some((Class::NextBoot, "a running guest does not give CPUs back"));
    }
    let layout = [Field::Cores, Field::Threads];
    let same = |field: &Field| number(judged.found, *field) == number(judged.wanted, *field);
    (!layout.iter().all(same)).then_some((Class::NextBoot, AT_BOOT))
}

fn judge_memory(judged: &Judged<'_>) -> Judgement {
    let value = |values: &[Value], field: Field| values.get(field as usize).cloned();
    let most = value(judged.found, Field::MaxMemory).and_then(|most| most.as_number());
    if judged.to.as_number() > most {
        return Some((
            Class::NextBoot,
            "more than the memory laid out at its start",
        ));
    }
    if value(judged.wanted, Field::MaxMemory) == Some(judged.to.clone()) {
        return Some((
            Class::NextBoot,
            "without a maxGuest above it the size is that of its start",
        ));
    }
    let balloon = value(judged.found, Field::Balloon);
    (balloon == Some(Value::Flag(false))).then_some((Class::NextBoot, "it has no balloon"))
}

fn write_cpus(root: &mut Element, values: &[Value]) {
    let number = |field: Field| values.get(field as usize)?.as_number();
    let (Some(sockets), Some(cores), Some(threads), Some(most)) = (
        number(Field::Sockets),
        number(Field::Cores),
        number(Field::Threads),
        number(Field::MaxSockets),
    ) else {
        return;
    };
    let of = |sockets: u64| sockets.saturating_mul(cores).saturating_mul(threads);
    let most = most.max(sockets);
    let vcpu = root.ensure("vcpu");
    vcpu.set_text(of(most).to_string());
    vcpu.set_or_unset("current", (sockets < most).then(|| of(sockets).to_string()));
    // A list of single CPUs would speak of other ones.
    root.remove("vcpus", |_| true);
    let topology = root.ensure("cpu").ensure("topology");
    for name in ["dies", "clusters"] {
        topology.unset(name);
    }
    topology.set("sockets", most.to_string());
    topology.set("cores", cores.to_string());
    topology.set("threads", threads.to_string());
}

fn read_model(root: Node<'_, '_>) -> Value {
    let Some(cpu) = child(root, "cpu") else {
        return Value::None;
    };
    match cpu.attribute("mode") {
        Some("custom") | None => Value::text(text(cpu, "model")),
        Some(mode) => Value::Text(mode.to_owned().into()),
    }
}

fn write_model(root: &mut Element, values: &[Value]) {
    let Some(model) = values
        .get(Field::CpuModel as usize)
        .and_then(Value::as_text)
    else {
        return;
    };
    let cpu = root.ensure("cpu");
    // What was said of another model, or computed for it, goes with it: libvirt takes no vendor
    // without a model.
    for name in ["model", "vendor"] {
        cpu.remove(name, |_| true);
    }
    cpu.unset("check");
    if !matches!(model, "host-passthrough" | "maximum") {
        cpu.unset("migratable");
    }
    if is_cpu_mode(model) {
        cpu.set("mode", model);
        cpu.unset("match");
        return;
    }
    cpu.set("mode", "custom");
    cpu.set("match", "exact");
    cpu.push(Element::text("model", model).attribute("fallback", "allow"));
}

fn read_features(root: Node<'_, '_>) -> Value {
    let Some(cpu) = child(root, "cpu") else {
        return Value::None;
    };
    Value::list(children(cpu, "feature").filter_map(|feature| {
        let policy = feature.attribute("policy").unwrap_or("require");
        Some(format!("{}={policy}", feature.attribute("name")?))
    }))
}

fn write_features(root: &mut Element, values: &[Value]) {
    let text = values
        .get(Field::CpuFeatures as usize)
        .and_then(Value::as_text);
    let cpu = root.ensure("cpu");
    cpu.remove("feature", |_| true);
    for feature in text.into_iter().flat_map(|text| text.split(',')) {
        if let Some((name, policy)) = feature.split_once('=') {
            let feature = Element::new("feature").attribute("policy", policy);
            cpu.push(feature.attribute("name", name));
        }
    }
}

fn write_memory(root: &mut Element, values: &[Value]) {
    let kib = |field: Field| values.get(field as usize)?.as_number();
    let (Some(guest), Some(most)) = (kib(Field::Memory), kib(Field::MaxMemory)) else {
        return;
    };
    for (name, kib) in [("memory", most.max(guest)), ("currentMemory", guest)] {
        let element = root.ensure(name);
        element.set("unit", "KiB");
        element.set_text(kib.to_string());
    }
}

fn read_hugepages(root: Node<'_, '_>) -> Value {
    let pages = child(root, "memoryBacking").and_then(|backing| child(backing, "hugepages"));
    let Some(pages) = pages else {
        return Value::None;
    };
    let Some(page) = child(pages, "page") else {
        return Value::Text("of the default size".into());
    };
    let size = page
        .attribute("size")
        .and_then(|size| size.parse::<u64>().ok());
    let unit = page.attribute("unit").unwrap_or("KiB");
    let bytes = size.and_then(|size| crate::observed::scaled(size, unit));
    Value::Kib(bytes.unwrap_or_default() >> 10)
}

fn write_hugepages(root: &mut Element, values: &[Value]) {
    let size = values
        .get(Field::Hugepages as usize)
        .and_then(Value::as_number);
    let backing = root.ensure("memoryBacking");
    backing.remove("hugepages", |_| true);
    if let Some(size) = size {
        let page = Element::new("page").attribute("size", size.to_string());
        backing.push(Element::new("hugepages").child(page.attribute("unit", "KiB")));
    }
    root.remove_empty("memoryBacking");
}
