//! A network.

use drover_core::desired::network::DesiredNetwork;
use drover_core::observed::network::{Item, NetworkFacts, ObservedNetwork, Section};
use drover_core::plan::network::{Command, Edit, Sides, Step, plan, plan_deletion};
use drover_core::reservations::Reservation;
use drover_core::xml::{Kept, network_xml};
use drover_crds::condition::Reason;
use uuid::Uuid;

use super::given;

fn there(desired: &DesiredNetwork) -> ObservedNetwork {
    ObservedNetwork {
        name: desired.name.clone(),
        uuid: desired.uuid,
        active: false,
        persistent: true,
        config: NetworkFacts::parse(&network_xml(desired, &Kept::default())).unwrap(),
        live: None,
    }
}

fn apply(host: &mut Option<ObservedNetwork>, desired: &DesiredNetwork, step: Step) {
    match (step, host.as_mut()) {
        (Step::Define(_), None) => *host = Some(there(desired)),
        (Step::Define(xml), Some(network)) => {
            network.config = NetworkFacts::parse(&xml).unwrap();
            network.persistent = true;
        }
        (Step::Start, Some(network)) => {
            network.active = true;
            network.live = Some(network.config.clone());
        }
        (Step::Update(edits), Some(network)) => {
            for edit in edits {
                update(network, &edit);
            }
        }
        (Step::Destroy, Some(network)) => {
            network.active = false;
            network.live = None;
        }
        (Step::Undefine, Some(_)) => *host = None,
        other => panic!("{other:?}"),
    }
}

// As libvirt does it: it refuses what is there already, and what is not there.
fn update(network: &mut ObservedNetwork, edit: &Edit) {
    let live = network
        .live
        .as_mut()
        .filter(|_| edit.sides != Sides::Config);
    let config = Some(&mut network.config).filter(|_| edit.sides != Sides::Live);
    for facts in live.into_iter().chain(config) {
        let subnet = edit.parent.map(|parent| facts.addresses[parent].0.clone());
        let item = item(edit, subnet);
        let same = |known: &Item| {
            (known.section, &known.subnet, known.key()) == (item.section, &item.subnet, item.key())
        };
        let place = facts.items.iter().position(same);
        match edit.command {
            Command::Add => {
                let hosts = item.section == Section::DhcpHost;
                let clash = facts.items.iter().find(|known| {
                    known.subnet == item.subnet && (hosts && known.clashes(&item) || same(known))
                });
                assert_eq!(clash, None, "{edit:?}");
                facts.items.push(item);
            }
            Command::Modify => {
                assert!(item.section.is_modified());
                facts.items[place.unwrap()] = item;
            }
            Command::Delete => {
                assert_eq!(facts.items.remove(place.unwrap()), item);
            }
        }
    }
}

fn item(edit: &Edit, subnet: Option<String>) -> Item {
    let xml = &edit.xml;
    let text = match edit.section {
        Section::DhcpRange | Section::DhcpHost => {
            format!("<network><ip address='10.0.0.1' prefix='8'><dhcp>{xml}</dhcp></ip></network>")
        }
        Section::ForwardInterface => {
            format!("<network><forward mode='private'>{xml}</forward></network>")
        }
        Section::PortGroup => format!("<network>{xml}</network>"),
        _ => format!("<network><dns>{xml}</dns></network>"),
    };
    let mut items = NetworkFacts::parse(&text).unwrap().items;
    let mut item = items.remove(0);
    item.subnet = subnet;
    item
}

// What was done until there is nothing more to do, or something to wait for.
fn settle(
    host: &mut Option<ObservedNetwork>,
    desired: &DesiredNetwork,
    users: &[String],
) -> (Vec<&'static str>, Reason) {
    let mut steps = Vec::new();
    for _ in 0..8 {
        let found = plan(desired, host.as_ref(), users);
        let Some(step) = found.step else {
            return (steps, found.verdict.reason);
        };
        steps.push(step.name());
        apply(host, desired, step);
    }
    panic!("it does not settle: {host:?}");
}

fn started(desired: &DesiredNetwork) -> Option<ObservedNetwork> {
    let mut host = None;
    assert_eq!(
        settle(&mut host, desired, &[]),
        (vec!["define", "start"], Reason::Realized)
    );
    host
}

#[test]
fn it_comes_and_goes_whatever_was_done_before() {
    let desired = given::network(true);
    let mut host = None;
    let mut states = vec![host.clone()];
    while let Some(step) = plan(&desired, host.as_ref(), &[]).step {
        apply(&mut host, &desired, step);
        states.push(host.clone());
    }
    let users = ["shop/web".to_owned()];
    assert_eq!(
        plan(&desired, host.as_ref(), &users).verdict.reason,
        Reason::Realized
    );
    for mut host in states {
        while let Some(step) = plan_deletion(&desired, host.as_ref(), &[]).step {
            apply(&mut host, &desired, step);
        }
        assert_eq!(host, None);
    }
}

#[test]
fn a_restart_waits_for_the_machines_that_it_would_cut_off() {
    let before = given::network(true);
    let mut host = started(&before);
    let mut desired = before.clone();
    desired.subnets.truncate(1);
    desired.subnets[0].cidr = "192.168.160.0/24".parse().unwrap();
    desired.subnets[0].ranges.clear();
    let users = ["shop/db".to_owned(), "shop/web".to_owned()];
    let (steps, reason) = settle(&mut host, &desired, &users);
    assert_eq!((steps, reason), (vec!["define"], Reason::RestartRequired));
    let message = plan(&desired, host.as_ref(), &users).verdict.message;
    assert_eq!(
        message,
        "spec.subnets: 192.168.150.1/24, fd00:150::1/64 -> 192.168.160.1/24: needs a restart of the \
         network, which would cut off shop/db, shop/web"
    );
    // Whoever restarts it meanwhile, it comes as declared.
    let mut restarted = host.clone();
    apply(&mut restarted, &desired, Step::Destroy);
    let (steps, reason) = settle(&mut restarted, &desired, &[]);
    assert_eq!((steps, reason), (vec!["start"], Reason::Realized));
    let (steps, reason) = settle(&mut host, &desired, &[]);
    assert_eq!(
        (steps, reason),
        (vec!["destroy", "start"], Reason::Realized)
    );
    assert_eq!(
        host.unwrap().live,
        there(&desired).live.or(Some(there(&desired).config))
    );
}

fn kept(mac: &str, ip: &str, name: Option<&str>) -> Reservation {
    Reservation {
        mac: format!("52:54:00:00:00:{mac}"),
        ip: format!("192.168.150.{ip}").parse().unwrap(),
        name: name.map(str::to_owned),
    }
}

#[test]
fn what_dhcp_keeps_is_changed_while_the_network_runs() {
    let users = ["shop/web".to_owned()];
    let a = || kept("0a", "20", Some("a"));
    let b = || kept("0b", "21", Some("b"));
    let lists = [
        vec![],
        vec![a()],
        vec![a(), b()],
        vec![kept("0a", "20", Some("c")), b()],
        // Each has what the other had.
        vec![kept("0a", "21", Some("a")), kept("0b", "20", Some("b"))],
        vec![kept("0b", "20", Some("a"))],
        vec![kept("0c", "20", Some("a"))],
        vec![kept("0c", "20", None), a_long_way()],
    ];
    for before in &lists {
        for after in &lists {
            let mut desired = given::network(true);
            desired.reservations.clone_from(before);
            let mut host = started(&desired);
            desired.reservations.clone_from(after);
            let (steps, reason) = settle(&mut host, &desired, &users);
            assert_eq!(reason, Reason::Realized, "{before:?} {after:?}");
            assert!(steps.iter().all(|step| *step == "update"), "{steps:?}");
            assert_eq!(steps.is_empty(), before == after, "{before:?} {after:?}");
            let host = host.unwrap();
            for kept in after {
                assert!(host.keeps(&kept.mac, &kept.ip.to_string()));
            }
        }
    }
}

fn a_long_way() -> Reservation {
    kept("0a", "99", Some("z"))
}

#[test]
fn each_definition_is_changed_where_it_lacks_something() {
    let mut desired = given::network(true);
    let mut host = started(&desired);
    desired.reservations = vec![kept("0a", "20", Some("a"))];
    let sides = |host: &Option<ObservedNetwork>| match plan(&desired, host.as_ref(), &[]).step {
        Some(Step::Update(edits)) => edits.iter().map(|edit| edit.sides).collect(),
        None => Vec::new(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sides(&host), [Sides::Both]);
    let mut behind = host.clone();
    settle(&mut behind, &desired, &[]);
    assert_eq!(sides(&behind), []);
    behind.as_mut().unwrap().live.as_mut().unwrap().items.pop();
    assert_eq!(sides(&behind), [Sides::Live]);
    settle(&mut behind, &desired, &[]);
    behind.as_mut().unwrap().config.items.pop();
    assert_eq!(sides(&behind), [Sides::Config]);
    let off = host.as_mut().unwrap();
    (off.active, off.live) = (false, None);
    assert_eq!(sides(&host), [Sides::Config]);
}

#[test]
fn what_libvirt_adds_by_itself_is_no_difference() {
    let mut desired = given::network(true);
    desired.reservations = vec![kept("0a", "20", Some("a"))];
    let xml = "<network connections='2'><name>lan</name><forward mode='nat'>\
         <nat><port start='1024' end='65535'/></nat></forward>\
         <bridge name='virbr7' stp='on' delay='0'/><mac address='52:54:00:01:02:03'/>\
         <ip family='ipv4' address='192.168.150.1' prefix='24'><dhcp>\
         <range start='192.168.150.10' end='192.168.150.99'/>\
         <host ip='192.168.150.20' name='a' mac='52:54:00:00:00:0a'/></dhcp></ip>\
         <ip family='ipv6' address='fd00:150::1' prefix='64'/></network>";
    let facts = NetworkFacts::parse(xml).unwrap();
    let host = Some(ObservedNetwork {
        active: true,
        config: facts.clone(),
        live: Some(facts),
        ..there(&desired)
    });
    let found = plan(&desired, host.as_ref(), &[]);
    assert_eq!((found.step, found.verdict.reason), (None, Reason::Realized));
    // A new definition keeps what libvirt chose.
    desired.subnets.truncate(1);
    let Some(Step::Define(xml)) = plan(&desired, host.as_ref(), &[]).step else {
        panic!("it is defined anew");
    };
    assert!(
        xml.contains("virbr7") && xml.contains("52:54:00:01:02:03"),
        "{xml}"
    );
}

#[test]
fn the_host_takes_the_first_address() {
    let xml = network_xml(&given::network(true), &Kept::default());
    assert!(
        xml.contains("address=\"192.168.150.1\" prefix=\"24\""),
        "{xml}"
    );
    assert!(
        xml.contains("address=\"fd00:150::1\" prefix=\"64\""),
        "{xml}"
    );
}

#[test]
fn what_belongs_to_others_stays() {
    let desired = given::network(true);
    let foreign = ObservedNetwork {
        uuid: Uuid::nil(),
        ..there(&desired)
    };
    let found = plan(&desired, Some(&foreign), &[]);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NameConflict)
    );
    assert_eq!(plan_deletion(&desired, Some(&foreign), &[]).step, None);
    let observed = given::network(false);
    let found = plan(&observed, Some(&foreign), &[]);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NotRealized)
    );
    assert_eq!(
        plan(&observed, None, &[]).verdict.reason,
        Reason::NotRealized
    );
    assert_eq!(plan_deletion(&observed, Some(&foreign), &[]).step, None);
}

#[test]
fn one_in_use_is_not_removed() {
    let desired = given::network(true);
    let mut host = None;
    settle(&mut host, &desired, &[]);
    let found = plan_deletion(&desired, host.as_ref(), &["shop/web".to_owned()]);
    assert_eq!((found.step, found.verdict.reason), (None, Reason::InUse));
}
