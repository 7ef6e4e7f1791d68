//! A pool.

use drover_core::desired::pool::DesiredPool;
use drover_core::identity::POOL_MARKER;
use drover_core::observed::pool::ObservedPool;
use drover_core::plan::pool::{Step, Unmarked, plan, plan_deletion};
use drover_crds::condition::Reason;
use uuid::Uuid;

use super::given;

fn there(desired: &DesiredPool) -> ObservedPool {
    ObservedPool {
        name: desired.name.clone(),
        uuid: desired.uuid,
        active: false,
        type_: "dir".to_owned(),
        target: desired.target.clone(),
        capacity: 100,
        available: 50,
        volumes: Vec::new(),
    }
}

fn apply(host: &mut Option<ObservedPool>, desired: &DesiredPool, step: Step) {
    match (step, host.as_mut()) {
        (Step::Define, None) => *host = Some(there(desired)),
        (Step::Start, Some(pool)) => pool.active = true,
        (Step::CreateMarker, Some(pool)) => pool.volumes.push(POOL_MARKER.to_owned()),
        (Step::DeleteMarker, Some(pool)) => pool.volumes.retain(|name| name != POOL_MARKER),
        (Step::Destroy, Some(pool)) => (pool.active, pool.volumes) = (false, Vec::new()),
        (Step::Undefine, Some(_)) => *host = None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_comes_and_goes_whatever_was_done_before() {
    let desired = given::pool(true, true);
    let mut host = None;
    let mut states = vec![host.clone()];
    while let Some(step) = plan(&desired, host.as_ref(), Unmarked::New).step {
        apply(&mut host, &desired, step);
        states.push(host.clone());
    }
    assert_eq!(
        plan(&desired, host.as_ref(), Unmarked::Lost).verdict.reason,
        Reason::Realized
    );
    for mut host in states {
        while let Some(step) = plan_deletion(&desired, host.as_ref()).step {
            apply(&mut host, &desired, step);
        }
        assert_eq!(host, None);
    }
}

#[test]
fn a_folder_without_its_marker_is_not_mounted() {
    let desired = given::pool(true, true);
    let pool = ObservedPool {
        active: true,
        ..there(&desired)
    };
    let found = plan(&desired, Some(&pool), Unmarked::Lost);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::VolumeMissing)
    );
    // Another host makes it.
    let found = plan(&desired, Some(&pool), Unmarked::Unseen);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::VolumeMissing)
    );
    let found = plan(&desired, Some(&pool), Unmarked::New);
    assert_eq!(found.step, Some(Step::CreateMarker));
}

#[test]
fn what_belongs_to_others_stays() {
    let desired = given::pool(true, true);
    let foreign = ObservedPool {
        uuid: Uuid::nil(),
        active: true,
        ..there(&desired)
    };
    let found = plan(&desired, Some(&foreign), Unmarked::New);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NameConflict)
    );
    assert_eq!(plan_deletion(&desired, Some(&foreign)).step, None);

    let elsewhere = ObservedPool {
        target: Some("/other".to_owned()),
        ..there(&desired)
    };
    let found = plan(&desired, Some(&elsewhere), Unmarked::New);
    assert_eq!(
        (found.step, found.verdict.reason),
        (None, Reason::NotRealized)
    );
}

#[test]
fn one_that_is_only_observed_is_never_touched() {
    let desired = given::pool(false, true);
    let foreign = ObservedPool {
        uuid: Uuid::nil(),
        ..there(&desired)
    };
    let active = ObservedPool {
        active: true,
        ..foreign.clone()
    };
    for (host, expected) in [
        (None, Reason::NotRealized),
        (Some(foreign), Reason::NotRealized),
        (Some(active), Reason::Realized),
    ] {
        let found = plan(&desired, host.as_ref(), Unmarked::Lost);
        assert_eq!((found.step, found.verdict.reason), (None, expected));
        assert_eq!(plan_deletion(&desired, host.as_ref()).step, None);
    }
}

#[test]
fn what_holds_volumes_or_is_retained_is_not_removed() {
    let mut desired = given::pool(true, true);
    let full = ObservedPool {
        active: true,
        volumes: vec![POOL_MARKER.to_owned(), "shop_web-root".to_owned()],
        ..there(&desired)
    };
    let found = plan_deletion(&desired, Some(&full));
    assert_eq!((found.step, found.verdict.reason), (None, Reason::InUse));
    assert!(found.verdict.message.contains("shop_web-root"));
    desired.delete = false;
    assert_eq!(
        plan_deletion(&desired, Some(&full)).verdict.reason,
        Reason::Deleting
    );
}
