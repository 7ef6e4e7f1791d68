//! A volume and its records.

use drover_core::desired::volume::DesiredVolume;
use drover_core::observed::volume::{ObservedVolume, VolumeFacts};
use drover_core::plan::volume::{Progress, Step, plan, plan_deletion};
use drover_crds::condition::Reason;
use proptest::prelude::*;

use super::given::{self, Content};

/// The pool's folder, as far as it is about one volume.
#[derive(Debug, Clone, Default)]
struct Host {
    owner: Option<String>,
    data: Option<Data>,
    ready: Option<String>,
}

#[derive(Debug, Clone)]
struct Data {
    capacity: u64,
    whole: bool,
    wiped: bool,
}

/// An operator: what it remembers is lost when it is stopped.
#[derive(Debug, Clone, Default)]
struct Operator {
    progress: Progress,
}

impl Host {
    fn observed(&self) -> ObservedVolume {
        ObservedVolume {
            data: self.data.as_ref().map(|data| VolumeFacts {
                key: "/srv/fast/shop_web-root".to_owned(),
                capacity: data.capacity,
            }),
            owner: self.owner.clone(),
            ready: self.ready.clone(),
        }
    }

    /// Does a step, or only the first half of it.
    fn apply(&mut self, operator: &mut Operator, desired: &DesiredVolume, step: Step, half: bool) {
        let record = |text: String| Some(if half { String::new() } else { text });
        match step {
            Step::CreateOwner => self.owner = record(desired.owner.clone()),
            Step::CreateData => {
                assert!(self.data.is_none(), "data is never made over data");
                let whole = !desired.source.is_slow();
                let capacity = if whole { desired.capacity } else { 0 };
                self.data = Some(Data {
                    capacity,
                    whole,
                    wiped: false,
                });
                operator.progress = Progress::Created;
            }
            Step::Import => {
                // A copy makes what it fills.
                let nothing = Data {
                    capacity: 0,
                    whole: false,
                    wiped: false,
                };
                let made = desired.source.makes_data().then_some(nothing);
                let data = self
                    .data
                    .get_or_insert_with(|| made.expect("data to write into"));
                assert!(!data.whole, "nothing is written over what is whole");
                operator.progress = Progress::Created;
                if !half {
                    (data.whole, data.capacity) = (true, desired.capacity);
                    operator.progress = Progress::Filled;
                }
            }
            Step::CreateReady => {
                let whole = self.data.as_ref().is_some_and(|data| data.whole);
                assert!(whole, "only what is whole is called so");
                self.ready = record("complete".to_owned());
            }
            Step::Grow => self.data.as_mut().unwrap().capacity = desired.capacity,
            Step::DiscardData | Step::DeleteData => {
                assert!(self.ready.is_none(), "the record goes before the data");
                let wiped = self.data.as_ref().is_some_and(|data| data.wiped);
                let kept = step == Step::DeleteData && desired.wipe;
                assert!(wiped || !kept, "it is overwritten before it goes");
                self.data = None;
            }
            Step::DeleteReady => self.ready = None,
            Step::Wipe => {
                assert!(self.ready.is_none(), "the record goes before the data");
                if !half {
                    self.data.as_mut().unwrap().wiped = true;
                    operator.progress = Progress::Wiped;
                }
            }
            Step::DeleteOwner => {
                assert!(self.data.is_none() && self.ready.is_none());
                self.owner = None;
            }
        }
    }

    /// Applies the plan until it has nothing more to do.
    fn settle(&mut self, operator: &mut Operator, desired: &DesiredVolume) -> Reason {
        for _ in 0..12 {
            let plan = plan(desired, &self.observed(), false, operator.progress);
            let Some(step) = plan.step else {
                return plan.verdict.reason;
            };
            self.apply(operator, desired, step, false);
        }
        panic!("it does not settle: {self:?}");
    }

    fn remove(&mut self, desired: &DesiredVolume) -> Reason {
        let mut operator = Operator::default();
        for _ in 0..12 {
            let observed = self.observed();
            if observed == ObservedVolume::default() {
                return Reason::Deleting;
            }
            let plan = plan_deletion(desired, &observed, false, &[], operator.progress);
            let Some(step) = plan.step else {
                return plan.verdict.reason;
            };
            self.apply(&mut operator, desired, step, false);
        }
        panic!("it does not settle: {self:?}");
    }

    fn is_whole(&self, desired: &DesiredVolume) -> bool {
        self.data
            .as_ref()
            .is_some_and(|data| data.whole && data.capacity == desired.capacity)
            && self.ready.as_deref() == Some("complete")
    }
}

/// Stops the operator after so many steps, perhaps in the middle of the last.
fn stopped(host: &mut Host, desired: &DesiredVolume, steps: usize, half: bool) {
    let mut operator = Operator::default();
    for count in 1..=steps {
        let plan = plan(desired, &host.observed(), false, operator.progress);
        let Some(step) = plan.step else { return };
        host.apply(&mut operator, desired, step, half && count == steps);
    }
}

fn stopped_deleting(host: &mut Host, desired: &DesiredVolume, steps: usize) {
    let mut operator = Operator::default();
    for _ in 0..steps {
        let plan = plan_deletion(desired, &host.observed(), false, &[], operator.progress);
        let Some(step) = plan.step else {
            return;
        };
        host.apply(&mut operator, desired, step, false);
    }
}

#[test]
fn it_is_made_in_this_order() {
    let made = [Step::CreateOwner, Step::CreateData, Step::CreateReady];
    let filled = [
        Step::CreateOwner,
        Step::CreateData,
        Step::Import,
        Step::CreateReady,
    ];
    let copied = [Step::CreateOwner, Step::Import, Step::CreateReady];
    for (content, expected) in [
        (Content::Blank, &made[..]),
        (Content::Overlay, &made),
        (Content::Fetched, &filled),
        (Content::Copied, &copied),
    ] {
        let desired = given::volume(content);
        let (mut host, mut operator) = (Host::default(), Operator::default());
        let mut taken = Vec::new();
        while let Some(step) = plan(&desired, &host.observed(), false, operator.progress).step {
            host.apply(&mut operator, &desired, step, false);
            taken.push(step);
        }
        assert_eq!(taken, expected);
    }
}

#[test]
fn what_was_whole_is_never_made_or_filled_again() {
    let desired = given::volume(Content::Fetched);
    let mut whole = Host::default();
    whole.settle(&mut Operator::default(), &desired);

    let mut gone = whole.clone();
    gone.data = None;
    for was_ready in [true, false] {
        let plan = plan(&desired, &gone.observed(), was_ready, Progress::Unknown);
        assert_eq!(
            (plan.step, plan.verdict.reason),
            (None, Reason::VolumeMissing)
        );
    }

    let mut unrecorded = whole.clone();
    unrecorded.ready = None;
    let plan_it = plan(&desired, &unrecorded.observed(), true, Progress::Unknown);
    assert_eq!(plan_it.step, Some(Step::CreateReady));
    unrecorded.data = None;
    let plan_it = plan(&desired, &unrecorded.observed(), true, Progress::Unknown);
    assert_eq!(
        (plan_it.step, plan_it.verdict.reason),
        (None, Reason::VolumeMissing)
    );
}

#[test]
fn it_grows_and_never_shrinks() {
    let mut desired = given::volume(Content::Blank);
    let mut host = Host::default();
    let mut operator = Operator::default();
    host.settle(&mut operator, &desired);
    desired.capacity *= 2;
    assert_eq!(host.settle(&mut operator, &desired), Reason::Available);
    assert!(host.is_whole(&desired));
    desired.capacity /= 2;
    assert_eq!(
        plan(&desired, &host.observed(), true, Progress::Unknown).step,
        None
    );
}

#[test]
fn what_belongs_to_others_stays() {
    let desired = given::volume(Content::Blank);
    let theirs = "drover/other/shop/web-root".to_owned();
    let data = Some(Data {
        capacity: 1,
        whole: true,
        wiped: false,
    });
    for (owner, data, ready) in [
        (Some(theirs.clone()), None, None),
        (Some(theirs.clone()), data.clone(), None),
        (Some(theirs), data.clone(), Some("complete".to_owned())),
        (Some(String::new()), data.clone(), None),
        (None, data.clone(), None),
        (None, data, Some("complete".to_owned())),
        (None, None, Some("complete".to_owned())),
    ] {
        let host = Host { owner, data, ready };
        let plan = plan(&desired, &host.observed(), false, Progress::Unknown);
        assert_eq!(
            (plan.step, plan.verdict.reason),
            (None, Reason::NameConflict),
            "{host:?}"
        );
        let plan = plan_deletion(&desired, &host.observed(), false, &[], Progress::Unknown);
        assert_eq!(plan.step, None, "{host:?}");
    }
}

#[test]
fn what_is_used_or_retained_is_not_deleted() {
    let mut desired = given::volume(Content::Blank);
    let mut host = Host::default();
    host.settle(&mut Operator::default(), &desired);
    let users = ["shop_web".to_owned()];
    let plan = plan_deletion(&desired, &host.observed(), false, &users, Progress::Unknown);
    assert_eq!((plan.step, plan.verdict.reason), (None, Reason::InUse));
    desired.delete = false;
    let plan = plan_deletion(&desired, &host.observed(), true, &[], Progress::Unknown);
    assert_eq!((plan.step, plan.verdict.reason), (None, Reason::Deleting));
}

#[test]
fn what_is_retained_is_still_known_to_be_whole() {
    let mut desired = given::volume(Content::Blank);
    desired.delete = false;
    let mut host = Host::default();
    host.settle(&mut Operator::default(), &desired);
    host.ready = None;
    let plan = plan_deletion(&desired, &host.observed(), true, &[], Progress::Unknown);
    assert_eq!(plan.step, Some(Step::CreateReady));
    let plan = plan_deletion(&desired, &host.observed(), false, &[], Progress::Unknown);
    assert_eq!(plan.step, None, "nobody knows");
}

proptest! {
    #[test]
    fn wherever_it_is_stopped_it_ends_whole(
        content in prop::sample::select(&Content::ALL[..]),
        stops in prop::collection::vec((0..5_usize, any::<bool>()), 0..4),
    ) {
        let desired = given::volume(content);
        let mut host = Host::default();
        for (steps, half) in stops {
            stopped(&mut host, &desired, steps, half);
        }
        let reason = host.settle(&mut Operator::default(), &desired);
        prop_assert_eq!(reason, Reason::Available);
        prop_assert!(host.is_whole(&desired));
    }

    #[test]
    fn wherever_it_is_stopped_it_can_be_deleted(
        content in prop::sample::select(&Content::ALL[..]),
        stops in prop::collection::vec((0..5_usize, any::<bool>()), 0..3),
        deleting in prop::collection::vec(0..4_usize, 0..3),
        wipe: bool,
    ) {
        let desired = DesiredVolume {
            wipe,
            ..given::volume(content)
        };
        let mut host = Host::default();
        for (steps, half) in stops {
            stopped(&mut host, &desired, steps, half);
        }
        for steps in deleting {
            stopped_deleting(&mut host, &desired, steps);
        }
        prop_assert_eq!(host.remove(&desired), Reason::Deleting);
        prop_assert_eq!(host.observed(), ObservedVolume::default());
    }
}
