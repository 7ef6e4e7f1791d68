//! Definitions that are changed in place: what goes along with a change, and what stays.

use drover_core::definition::{create, update};
use drover_core::desired::machine::DesiredMachine;
use drover_core::fields::{Shape, Site};
use drover_core::observed::domain::Definition;
use drover_core::plan::changes::differences;

use super::given;

fn open(desired: &DesiredMachine, site: &Site, xml: &str) -> Vec<String> {
    let found = Definition::parse(xml).unwrap();
    let all = differences(&Shape::of(desired, site), site, &found, false);
    all.iter().map(ToString::to_string).collect()
}

fn site(desired: &DesiredMachine) -> Site {
    let names = desired
        .disks
        .iter()
        .filter_map(|disk| disk.volume.as_ref().map(|_| &disk.name));
    Site {
        disks: names.map(|name| given::place(name)).collect(),
        ..given::site()
    }
}

// The definition of this, as declared by that: nothing differs any more.
fn updated(xml: &str, desired: &DesiredMachine) -> String {
    let site = site(desired);
    let wanted = Shape::of(desired, &site);
    let mark = desired.mark(1);
    let made = update(xml, &wanted, &site, &mark, |_| true).unwrap();
    assert_eq!(open(desired, &site, &made.xml), [""; 0], "{}", made.xml);
    let again = update(&made.xml, &wanted, &site, &mark, |_| true).unwrap();
    assert_eq!((again.xml, again.changed), (made.xml.clone(), vec![]));
    made.xml
}

fn created(desired: &DesiredMachine) -> String {
    create(desired, &site(desired), &desired.mark(1))
}

// The usual machine that says this instead of that.
fn saying(from: &str, to: &str) -> DesiredMachine {
    assert!(given::MACHINE.contains(from), "{from}");
    given::machine_from(&given::MACHINE.replace(from, to))
}

#[test]
fn features_of_which_one_begins_as_another_are_as_declared() {
    let features = "cores: 2, features: [{name: avx}, {name: avx2, policy: disable}]";
    let desired = saying("cores: 2", features);
    let xml = updated(&created(&desired), &desired);
    assert_eq!(updated(&created(&given::machine()), &desired), xml);
}

#[test]
fn the_watchdog_of_the_board_can_be_asked_for_and_is_there_unasked() {
    let asking = |watchdog: &str| {
        let more = format!("  devices: {{watchdog: {watchdog}}}\n");
        given::machine_from(&format!("{}{more}", given::MACHINE))
    };
    let itco = asking("{model: itco}");
    let usual = created(&given::machine());
    let xml = updated(&usual, &itco);
    assert!(xml.contains("<watchdog model=\"itco\" action=\"reset\"/>"));
    // It is no difference, beside another one neither.
    assert_eq!(updated(&xml, &given::machine()), xml);
    let other = created(&asking("{action: pause}"));
    let board = "<watchdog model=\"itco\" action=\"reset\"/><watchdog";
    let both = other.replacen("<watchdog", board, 1);
    assert_eq!(updated(&both, &asking("{action: pause}")), both);
    let none = updated(&both, &given::machine());
    assert!(!none.contains("i6300esb"), "{none}");
}

#[test]
fn a_command_line_of_blanks_is_none() {
    for (line, written) in [
        ("", "<kernel/>"),
        ("  ", "<kernel/>"),
        (" a  b ", "<kernel/><cmdline>a  b</cmdline>"),
    ] {
        let boot = format!("{{kernelVolume: {{name: k}}, cmdline: '{line}'}}");
        let more = format!("  firmware: {{kernelBoot: {boot}}}\n");
        let desired = given::machine_from(&format!("{}{more}", given::MACHINE));
        let bare = created(&desired).replace("</os>", "<kernel/></os>");
        let xml = updated(&bare.replace("<cmdline>a  b</cmdline>", ""), &desired);
        assert!(xml.contains(&format!("{written}</os>")), "{xml}");
    }
}

#[test]
fn limits_that_are_not_modelled_stay_with_those_that_are() {
    let limited = saying(
        "bus: sata}",
        "bus: sata, qos: {totalIops: 500, writeBytesPerSecond: 9}}",
    );
    let others = "<size_iops_sec>8</size_iops_sec><total_iops_sec_max>900</total_iops_sec_max>\
                  <read_bytes_sec_max_length>1</read_bytes_sec_max_length><group_name>g</group_name>";
    let xml = created(&limited).replace("<iotune>", &format!("<iotune>{others}"));
    assert_eq!(updated(&xml, &limited), xml);
    // A burst goes with its limit: libvirt takes none alone.
    let kept = "<iotune><size_iops_sec>8</size_iops_sec><group_name>g</group_name></iotune>";
    let free = updated(&xml, &given::machine());
    assert!(free.contains(kept), "{free}");
}

#[test]
fn a_disk_that_is_known_by_its_device_is_still_known_on_another_bus() {
    let named = |bus: &str| {
        let text = given::MACHINE.replace("{name: data,", "{name: sda,");
        given::machine_from(&text.replace("bus: sata", bus))
    };
    let alias = "<alias name=\"ua-disk-sda\"/>";
    let adopted = created(&named("bus: sata")).replace(alias, "");
    assert_eq!(updated(&adopted, &named("bus: sata")), adopted);
    let moved = updated(&adopted, &named("bus: scsi"));
    let moved = updated(&moved, &named("bus: virtio"));
    assert_eq!(moved.matches("<disk ").count(), 2, "{moved}");
    assert!(
        moved.contains(alias) && moved.contains("dev=\"vdb\""),
        "{moved}"
    );
}

#[test]
fn interfaces_swap_their_addresses() {
    let (first, second) = ("52:54:00:00:00:01", "52:54:00:AA:BB:0C");
    let text = given::MACHINE.replace("lan}", &format!("lan, macAddress: '{first}'}}"));
    let swapped = text
        .replace(first, "MAC")
        .replace(second, first)
        .replace("MAC", second);
    let xml = updated(
        &created(&given::machine_from(&text)),
        &given::machine_from(&swapped),
    );
    let at = |mac: &str| xml.find(&format!("<mac address=\"{}\"/>", mac.to_lowercase()));
    assert!(at(second).unwrap() < at(first).unwrap(), "{xml}");
}

#[test]
fn an_interface_of_others_with_the_same_address_stays() {
    let foreign = "<interface type=\"ethernet\"><mac address=\"52:54:00:aa:bb:0c\"/></interface>";
    let xml = created(&given::machine()).replace("<devices>", &format!("<devices>{foreign}"));
    for (from, to) in [
        (
            "  - {name: eth1, network: wan, model: e1000e, macAddress: '52:54:00:AA:BB:0C'}\n",
            "",
        ),
        ("AA:BB:0C", "AA:BB:0D"),
        ("network: wan", "network: dmz"),
    ] {
        assert!(updated(&xml, &saying(from, to)).contains(foreign), "{to}");
    }
}

#[test]
fn a_disk_that_was_a_drive_can_be_written_to() {
    let drive = saying("bus: sata}", "type: cdrom, bus: usb}");
    let opened = created(&drive).replace(
        "<target dev=\"sda\" bus=\"usb\"/>",
        "<target dev=\"sda\" bus=\"usb\" tray=\"open\" removable=\"on\" rotation_rate=\"1\"/>",
    );
    assert!(opened.contains("<readonly/>"));
    let same_bus = updated(&opened, &saying("bus: sata}", "bus: usb}"));
    let target = "<target dev=\"sda\" bus=\"usb\" removable=\"on\" rotation_rate=\"1\"/>";
    assert!(
        !same_bus.contains("readonly") && same_bus.contains(target),
        "{same_bus}"
    );
    assert!(updated(&same_bus, &drive).contains("<readonly/>"));
    let sata = updated(&opened, &given::machine());
    assert!(
        !sata.contains("removable") && sata.contains("rotation_rate"),
        "{sata}"
    );
}

#[test]
fn what_an_interface_is_promised_stays_with_its_limits() {
    let limited = saying(
        "network: lan}",
        "network: lan, qos: {inbound: {average: 100, peak: 200}}}",
    );
    let xml = created(&limited).replace("<inbound ", "<inbound floor=\"50\" ");
    assert_eq!(updated(&xml, &limited), xml);
    let free = updated(&xml, &given::machine());
    assert!(
        free.contains("<bandwidth><inbound floor=\"50\"/></bandwidth>"),
        "{free}"
    );
    let again = updated(&free, &limited);
    let inbound = "<bandwidth><inbound floor=\"50\" average=\"100\" peak=\"200\"/></bandwidth>";
    assert!(again.contains(inbound), "{again}");
    assert!(!updated(&created(&limited), &given::machine()).contains("bandwidth"));
}

#[test]
fn what_is_said_of_a_cpu_goes_with_its_model() {
    let model = |name: &str| saying("cores: 2", &format!("cores: 2, model: {name}"));
    let topology =
        "<topology sockets=\"1\" cores=\"2\" threads=\"1\"/><cache mode=\"passthrough\"/>";
    let host =
        format!("<cpu mode=\"host-passthrough\" check=\"none\" migratable=\"on\">{topology}</cpu>");
    let own = format!(
        "<cpu mode=\"custom\" match=\"exact\">{topology}<model fallback=\"forbid\">Nehalem</model>\
         <vendor>Intel</vendor></cpu>"
    );
    let with_cpu = |cpu: &str| {
        let xml = created(&given::machine());
        let (start, end) = (xml.find("<cpu ").unwrap(), xml.find("<clock").unwrap());
        format!("{}{cpu}{}", &xml[..start], &xml[end..])
    };
    let plain = own
        .replace("forbid", "allow")
        .replace("<vendor>Intel</vendor>", "");
    for (cpu, name, expected) in [
        (&host, "host-passthrough", host.clone()),
        (&own, "Nehalem", own.clone()),
        (
            &host,
            "maximum",
            host.replace("host-passthrough\" check=\"none", "maximum"),
        ),
        (&host, "Nehalem", plain.clone()),
        (
            &own,
            "host-model",
            format!("<cpu mode=\"host-model\">{topology}</cpu>"),
        ),
        (&own, "EPYC", plain.replace("Nehalem", "EPYC")),
    ] {
        let xml = updated(&with_cpu(cpu), &model(name));
        assert!(xml.contains(&expected), "{name}: {xml}");
    }
}

#[test]
fn a_mark_takes_the_place_of_any_other() {
    let desired = given::machine();
    let xml = created(&desired);
    let own = "xmlns:drover=\"https://drover.dev/ns/v1\" ";
    let old = |prefix: &str, more: &str| {
        format!("<{prefix}mark {more}fleet=\"lab\" namespace=\"shop\" name=\"web\" epoch=\"0\"/>")
    };
    let foreign = "<drover:mark xmlns:drover=\"urn:of-others\"/>";
    for (root, metadata, mark) in [
        ("", "", old("drover:", own)),
        ("", own.trim_end(), old("drover:", "")),
        (own, "", old("drover:", "")),
        ("", "xmlns:d=\"https://drover.dev/ns/v1\"", old("d:", "")),
        ("", "", old("", "xmlns=\"https://drover.dev/ns/v1\" ")),
        ("", "", String::new()),
    ] {
        let start = xml.find("<metadata>").unwrap();
        let end = xml.find("</metadata>").unwrap();
        let around = format!("{}<metadata {metadata}>{mark}{foreign}", &xml[..start]);
        let text =
            format!("{around}{}", &xml[end..]).replacen("<domain ", &format!("<domain {root}"), 1);
        let made = updated(&text, &desired);
        assert_eq!(made.matches("mark ").count(), 2, "{made}");
        assert!(made.contains(foreign), "{made}");
        assert_eq!(
            Definition::parse(&made).unwrap().mark,
            Some(desired.mark(1))
        );
    }
}

#[test]
fn screens_and_cards_beside_the_declared_one_stay() {
    let looking = |devices: &str| {
        given::machine_from(&format!("{}  devices: {{{devices}}}\n", given::MACHINE))
    };
    let vnc = looking("graphics: {type: vnc}, video: {model: vga}");
    let spice = looking("graphics: {type: spice}, video: {model: qxl}");
    let headless = "<graphics type=\"egl-headless\"/>";
    let second = "<video><model type=\"virtio\" heads=\"2\"/></video>";
    let xml = created(&vnc).replace("<graphics", &format!("{headless}<graphics"));
    let xml = xml.replace("</devices>", &format!("{second}</devices>"));
    assert_eq!(updated(&xml, &vnc), xml);
    let other = updated(&xml, &spice);
    assert!(
        other.contains(headless) && other.contains(second),
        "{other}"
    );
    assert!(!other.contains("vnc") && !other.contains("vga"), "{other}");
    // One of that kind that is there already is as good, with its password.
    let secret = "<graphics type=\"spice\" passwd=\"s\"/>";
    let both = xml.replace("<serial", &format!("{secret}<serial"));
    let kept = updated(&both, &spice);
    assert!(
        kept.contains(secret) && kept.matches("type=\"spice\"").count() == 1,
        "{kept}"
    );
    let none = updated(&both, &given::machine());
    assert!(
        none.contains(headless) && none.matches("<graphics").count() == 1,
        "{none}"
    );
    assert!(
        !none.contains("qxl") && !none.contains("virtio\" heads"),
        "{none}"
    );
}

#[test]
fn a_screen_without_a_card_is_made_without_one() {
    let devices = "  devices: {graphics: {}, video: {model: none}}\n";
    let desired = given::machine_from(&format!("{}{devices}", given::MACHINE));
    let none = "<video><model type=\"none\"/></video>";
    assert!(created(&desired).contains(none));
    assert!(!created(&given::machine()).contains("<video>"));
}

#[test]
fn a_clock_that_is_set_otherwise_forgets_when_it_began() {
    let absolute = "<clock offset=\"absolute\" start=\"9\"><timer name=\"rtc\"/></clock>";
    let xml = created(&given::machine()).replace("<clock offset=\"utc\"/>", absolute);
    let utc = "<clock offset=\"utc\"><timer name=\"rtc\"/></clock>";
    assert!(updated(&xml, &given::machine()).contains(utc));
}

#[test]
fn memory_that_may_not_be_changed_still_fits_in_what_there_may_be() {
    let size = |size: &str| saying("{guest: 256Mi}", size);
    let large = created(&size("{guest: 1Gi, maxGuest: 2Gi}"));
    let desired = size("{guest: 384Mi, maxGuest: 512Mi}");
    let wanted = Shape::of(&desired, &given::site());
    let made = |xml: &str| {
        let most = |path: &str| path == "spec.memory.maxGuest";
        update(xml, &wanted, &given::site(), &desired.mark(1), most).unwrap()
    };
    let first = made(&large);
    assert_eq!(
        open(&desired, &given::site(), &first.xml),
        ["spec.memory.guest: 512Mi -> 384Mi"]
    );
    let again = made(&first.xml);
    assert_eq!((again.xml, again.changed), (first.xml, vec![]));
}

#[test]
fn sound_by_spice_goes_with_its_screen() {
    let spice = "  devices: {graphics: {type: spice}}\n";
    let spice = given::machine_from(&format!("{}{spice}", given::MACHINE));
    let sound = "<sound model=\"ich9\"><audio id=\"1\"/></sound><audio id=\"1\" type=\"spice\"/>";
    let xml = created(&spice).replace("</devices>", &format!("{sound}</devices>"));
    assert_eq!(updated(&xml, &spice), xml);
    let silent = updated(&xml, &given::machine());
    assert!(silent.contains(&sound.replace("spice", "none")), "{silent}");
}
