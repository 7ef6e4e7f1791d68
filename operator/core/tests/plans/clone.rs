//! How a Volume is copied, by what it is and who writes into it.

use drover_core::desired::volume::Origin;
use drover_core::observed::domain::{Definition, ObservedDomain};
use drover_core::plan::clone::{Original, Wanted, Way, Writer, way, writers};
use drover_crds::condition::Reason;
use drover_crds::volume::{Consistency, VolumeFormat};
use uuid::Uuid;

use super::{given, world};

const QCOW2: VolumeFormat = VolumeFormat::Qcow2;
const RAW: VolumeFormat = VolumeFormat::Raw;

fn original(format: VolumeFormat) -> Original {
    Original {
        pool: "fast".to_owned(),
        volume: "shop_web-root".to_owned(),
        path: "/srv/fast/shop_web-root".to_owned(),
        capacity: 20 << 30,
        format,
        existing: false,
    }
}

fn origin(consistency: Option<Consistency>) -> Origin {
    Origin {
        volume: "web-root".to_owned(),
        consistency,
    }
}

fn wanted(format: VolumeFormat) -> Wanted {
    Wanted {
        capacity: Some(20 << 30),
        format: Some(format),
        blocks: false,
    }
}

fn writer(ours: bool, agent: bool) -> Writer {
    Writer {
        domain: "shop_web".to_owned(),
        uuid: Uuid::nil(),
        target: "vda".to_owned(),
        ours,
        agent,
    }
}

#[test]
fn at_rest_only_bytes_of_what_a_guest_wrote_are_copied() {
    let copied = |from: Original, to| way(&origin(None), &from, wanted(to), &[]);
    assert_eq!(copied(original(QCOW2), QCOW2), Ok(Way::ByHost));
    assert_eq!(copied(original(QCOW2), RAW), Ok(Way::ByHost));
    assert_eq!(copied(original(RAW), RAW), Ok(Way::Relay));
    let existing = |format| Original {
        existing: true,
        ..original(format)
    };
    assert_eq!(copied(existing(RAW), RAW), Ok(Way::Relay));
    for (refused, words) in [
        (copied(original(RAW), QCOW2), "spec.format: raw is needed"),
        (copied(existing(QCOW2), RAW), "was there before its object"),
    ] {
        let verdict = refused.unwrap_err();
        assert_eq!(verdict.reason, Reason::SourceRefused);
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }
    // An image says neither.
    let any = Wanted {
        capacity: None,
        format: None,
        blocks: false,
    };
    let kept = |format| way(&origin(None), &original(format), any, &[]);
    assert_eq!((kept(RAW), kept(QCOW2)), (Ok(Way::Relay), Ok(Way::ByHost)));
}

#[test]
fn a_copy_is_never_smaller() {
    let small = Wanted {
        capacity: Some(10 << 30),
        format: None,
        blocks: false,
    };
    let verdict = way(&origin(None), &original(QCOW2), small, &[]).unwrap_err();
    let words = "spec.capacity: must be at least 20Gi, the size of Volume web-root, got 10Gi";
    assert_eq!(
        (verdict.reason, &*verdict.message),
        (Reason::SourceRefused, words)
    );
}

#[test]
fn what_runs_is_copied_by_what_runs_it_and_as_it_is_said() {
    let copied = |consistency, writers: &[Writer]| {
        way(&origin(consistency), &original(RAW), wanted(QCOW2), writers)
    };
    for consistency in [
        Consistency::Paused,
        Consistency::Frozen,
        Consistency::CrashConsistent,
    ] {
        let one = writer(true, true);
        let found = copied(Some(consistency), std::slice::from_ref(&one));
        assert_eq!(found, Ok(Way::Mirror(one, consistency)));
    }
    let (paused, frozen) = (Some(Consistency::Paused), Some(Consistency::Frozen));
    let two = [writer(true, true), writer(true, true)];
    for (refused, reason, words) in [
        (
            copied(None, &[writer(true, true)]),
            Reason::SourceRefused,
            "Paused, Frozen or CrashConsistent is needed",
        ),
        (
            copied(paused, &[writer(false, true)]),
            Reason::SourceUnavailable,
            "not a machine of this fleet",
        ),
        (
            copied(frozen, &[writer(true, false)]),
            Reason::SourceUnavailable,
            "that of domain shop_web does not answer",
        ),
        (
            copied(paused, &two),
            Reason::SourceUnavailable,
            "at most one of them runs",
        ),
    ] {
        let verdict = refused.unwrap_err();
        assert_eq!(verdict.reason, reason, "{}", verdict.message);
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }
}

#[test]
fn a_device_is_as_large_as_what_runs() {
    let larger = Wanted {
        capacity: Some(30 << 30),
        format: None,
        blocks: true,
    };
    let paused = origin(Some(Consistency::Paused));
    let found = way(&paused, &original(RAW), larger, &[writer(true, true)]);
    let verdict = found.unwrap_err();
    assert_eq!(verdict.reason, Reason::SourceRefused);
    assert!(
        verdict.message.contains("must be 20Gi"),
        "{}",
        verdict.message
    );
    assert_eq!(way(&paused, &original(RAW), larger, &[]), Ok(Way::Relay));
}

#[test]
fn who_writes() {
    let machine = world::running(&given::machine(), world::EPOCH);
    let found = writers([&machine], given::FLEET, &original(QCOW2));
    assert_eq!((found.len(), found[0].ours), (1, true));
    assert!(!writers([&machine], "other", &original(QCOW2))[0].ours);
    let other = Original {
        volume: "shop_other".to_owned(),
        path: "/srv/fast/shop_other".to_owned(),
        ..original(QCOW2)
    };
    assert!(writers([&machine], given::FLEET, &other).is_empty());
    let off = world::off(&given::machine(), world::EPOCH);
    assert!(writers([&off], given::FLEET, &original(QCOW2)).is_empty());
    // By its path, as somebody else names it; but not where it is only read.
    for (disk, count) in [
        ("<source file='/srv/fast/shop_web-root'/>", 1),
        ("<source file='/srv/fast/shop_web-root'/><readonly/>", 0),
        (
            "<source file='/a'/><backingStore><source file='/srv/fast/shop_web-root'/>\
             </backingStore>",
            0,
        ),
    ] {
        let xml = format!("<domain><devices><disk>{disk}</disk></devices></domain>");
        let foreign = ObservedDomain {
            live: Some(Definition::parse(&xml).unwrap().into()),
            ..machine.clone()
        };
        let found = writers([&foreign], given::FLEET, &original(QCOW2));
        assert_eq!(found.len(), count, "{disk}");
    }
}
