//! The board, what starts the guest, and its clock.

use roxmltree::Node;

use super::{Class, Field, Judged, Judgement, Row, Value};
use crate::desired::machine::{Bootloader, DesiredMachine};
use crate::observed::{child, children, text};
use crate::xml::Element;

type R = Row<DesiredMachine>;

const KERNEL_AT_BOOT: &str = "a kernel is loaded when it starts";

pub(super) const MACHINE_TYPE: R = R::new(
    "spec.machine.type",
    Class::NextBoot,
    "the board of a running guest stays; another kind of board needs a new machine",
    |machine, _| match &machine.machine_type {
        Some(board) => Value::Text(board.clone().into()),
        None => Value::Any,
    },
    |root| Value::text(os_type(root, "machine")),
    |root, values| {
        if let Some(board) = values
            .get(Field::MachineType as usize)
            .and_then(Value::as_text)
        {
            root.ensure("os").ensure("type").set("machine", board);
        }
    },
)
.also_same(is_newest)
.judged(judge_board);

pub(super) const ARCHITECTURE: R = R::new(
    "spec.machine.architecture",
    Class::Recreate,
    "delete it (its volumes can be kept) and make it anew",
    |machine, _| match &machine.architecture {
        Some(architecture) => Value::Text(architecture.clone().into()),
        None => Value::Any,
    },
    |root| Value::text(os_type(root, "arch")),
    |root, values| {
        let wanted = values
            .get(Field::Architecture as usize)
            .and_then(Value::as_text);
        if let Some(architecture) = wanted {
            root.ensure("os").ensure("type").set("arch", architecture);
        }
    },
);

pub(super) const BOOTLOADER: R = R::new(
    "spec.firmware.bootloader",
    Class::Recreate,
    "what is installed boots by one of them only: delete it (its volumes can be kept) and make it anew",
    |machine, _| {
        Value::Text(match machine.firmware.bootloader {
            Bootloader::Bios => "BIOS".into(),
            Bootloader::Efi => "EFI".into(),
        })
    },
    |root| {
        let os = child(root, "os");
        let chosen = os.and_then(|os| os.attribute("firmware"));
        let loader = os.and_then(|os| child(os, "loader"));
        let flash = loader.is_some_and(|loader| loader.attribute("type") == Some("pflash"));
        Value::Text(if chosen == Some("efi") || flash { "EFI".into() } else { "BIOS".into() })
    },
    |root, values| {
        let wanted = values.get(Field::Bootloader as usize).and_then(Value::as_text);
        root.ensure("os").set_or_unset("firmware", (wanted == Some("EFI")).then_some("efi"));
    },
)
.of_qemu();

pub(super) const SECURE_BOOT: R = R::new(
    "spec.firmware.secureBoot",
    Class::Recreate,
    "its keys are in the firmware's variables: delete it (its volumes can be kept) and make it anew",
    |machine, _| Value::Flag(machine.firmware.secure_boot),
    read_secure_boot,
    write_secure_boot,
)
.of_qemu();

pub(super) const TPM: R = R::new(
    "spec.firmware.tpm",
    Class::NextBoot,
    "a device of the board; taking it away is refused",
    |machine, _| Value::Flag(machine.firmware.tpm.is_some()),
    |root| Value::Flag(device(root, "tpm")),
    |root, values| {
        if values.get(Field::Tpm as usize).is_some_and(Value::is_on) {
            let backend = Element::new("backend").attribute("type", "emulator");
            let tpm = Element::new("tpm").attribute("model", "tpm-crb");
            let tpm = tpm.child(backend.attribute("version", "2.0"));
            root.ensure("devices").push(tpm);
        }
    },
)
.judged(|judged| {
    let lost =
        "its secrets would be lost with it; decrypt what it protects, and make the machine anew";
    judged.from.is_on().then_some((Class::Forbidden, lost))
})
.of_qemu();

pub(super) const KERNEL: R = R::new(
    "spec.firmware.kernelBoot.kernelVolume",
    Class::NextBoot,
    KERNEL_AT_BOOT,
    |machine, site| match (&machine.firmware.kernel_boot, &site.kernel) {
        (Some(_), Some(path)) => Value::Text(path.clone().into()),
        (Some(_), None) => Value::Any,
        (None, _) => Value::None,
    },
    |root| os_text(root, "kernel"),
    |root, values| write_os(root, "kernel", values.get(Field::Kernel as usize)),
)
.of_qemu();

pub(super) const INITRD: R = R::new(
    "spec.firmware.kernelBoot.initrdVolume",
    Class::NextBoot,
    KERNEL_AT_BOOT,
    |machine, site| {
        let boot = machine.firmware.kernel_boot.as_ref();
        match (
            boot.and_then(|boot| boot.initrd_volume.as_ref()),
            &site.initrd,
        ) {
            (Some(_), Some(path)) => Value::Text(path.clone().into()),
            (Some(_), None) => Value::Any,
            (None, _) => Value::None,
        }
    },
    |root| os_text(root, "initrd"),
    |root, values| write_os(root, "initrd", values.get(Field::Initrd as usize)),
)
.of_qemu();

pub(super) const CMDLINE: R = R::new(
    "spec.firmware.kernelBoot.cmdline",
    Class::NextBoot,
    KERNEL_AT_BOOT,
    |machine, _| {
        let boot = machine.firmware.kernel_boot.as_ref();
        // An empty one is none, and blanks around it are not read back.
        let line = boot.and_then(|boot| boot.cmdline.as_deref()).map(str::trim);
        Value::text(line.filter(|line| !line.is_empty()).map(str::to_owned))
    },
    |root| os_text(root, "cmdline"),
    |root, values| write_os(root, "cmdline", values.get(Field::Cmdline as usize)),
)
.of_qemu();

pub(super) const CLOCK: R = R::new(
    "spec.clock",
    Class::NextBoot,
    "the guest's clock is set when it starts",
    |machine, _| Value::Text(machine.timezone.clone().map_or("utc".into(), Into::into)),
    |root| {
        let clock = child(root, "clock");
        let of = |name| clock.and_then(|clock| clock.attribute(name));
        Value::Text(match of("offset") {
            Some("timezone") => of("timezone").unwrap_or("utc").to_owned().into(),
            Some("utc") | None => "utc".into(),
            // No name of a time zone.
            Some(offset) => format!("offset {offset}").into(),
        })
    },
    |root, values| {
        let Some(zone) = values.get(Field::Clock as usize).and_then(Value::as_text) else {
            return;
        };
        let clock = root.ensure("clock");
        for name in ["adjustment", "basis", "start"] {
            clock.unset(name);
        }
        clock.set("offset", if zone == "utc" { "utc" } else { "timezone" });
        clock.set_or_unset("timezone", (zone != "utc").then_some(zone));
    },
);

fn os_type(root: Node<'_, '_>, attribute: &str) -> Option<String> {
    let os = child(root, "os")?;
    child(os, "type")?.attribute(attribute).map(str::to_owned)
}

fn os_text(root: Node<'_, '_>, name: &str) -> Value {
    Value::text(child(root, "os").and_then(|os| text(os, name)))
}

fn write_os(root: &mut Element, name: &'static str, value: Option<&Value>) {
    let os = root.ensure("os");
    match value.and_then(Value::as_text) {
        Some(text) => os.ensure(name).set_text(text),
        None => os.remove(name, |_| true),
    }
}

fn device(root: Node<'_, '_>, name: &'static str) -> bool {
    child(root, "devices").is_some_and(|devices| children(devices, name).next().is_some())
}

fn judge_board(judged: &Judged<'_>) -> Judgement {
    let kind = |value: &Value| value.as_text().map(family).unwrap_or_default().to_owned();
    (kind(judged.from) != kind(judged.to)).then_some((
        Class::Recreate,
        "another kind of board: delete it (its volumes can be kept) and make it anew",
    ))
}

/// The kind of a board: libvirt's short name for the newest of it.
pub(crate) fn family(board: &str) -> &str {
    match board {
        _ if board.starts_with("pc-q35-") => "q35",
        _ if board.starts_with("pc-i440fx-") => "pc",
        _ if board.starts_with("virt-") => "virt",
        other => other,
    }
}

// `q35` is libvirt's name for the newest of its kind.
fn is_newest(found: &str, wanted: &str) -> bool {
    wanted == family(found) && family(wanted) == wanted
}

fn read_secure_boot(root: Node<'_, '_>) -> Value {
    let Some(os) = child(root, "os") else {
        return Value::Flag(false);
    };
    let loader = child(os, "loader");
    let secure = loader.is_some_and(|loader| loader.attribute("secure") == Some("yes"));
    let asked = child(os, "firmware").is_some_and(|firmware| {
        children(firmware, "feature").any(|feature| {
            feature.attribute("name") == Some("secure-boot")
                && feature.attribute("enabled") == Some("yes")
        })
    });
    Value::Flag(secure || asked)
}

fn write_secure_boot(root: &mut Element, values: &[Value]) {
    let flag = values
        .get(Field::SecureBoot as usize)
        .is_some_and(Value::is_on);
    let efi = values
        .get(Field::Bootloader as usize)
        .and_then(Value::as_text)
        == Some("EFI");
    if !efi {
        return;
    }
    let enabled = if flag { "yes" } else { "no" };
    let features = ["enrolled-keys", "secure-boot"].map(|name| {
        Element::new("feature")
            .attribute("enabled", enabled)
            .attribute("name", name)
    });
    let firmware = root.ensure("os").ensure("firmware");
    firmware.remove("feature", |_| true);
    for feature in features {
        firmware.push(feature);
    }
}
