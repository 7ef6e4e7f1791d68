//! The listener that is measured.

use std::time::Duration;

use drover_rpc::enums::DomainEventID;
use drover_rpc::proto::remote::Event;
use drover_rpc::{Notice, Subscription};

use crate::common::{self, report, usage};
use crate::{EVENTS, LISTENING, stamp};

/// After so long without an event there is none any more.
const SILENCE: Duration = Duration::from_secs(5);

/// When an event was asked for, and when it was here.
type Times = (i64, i64);

/// Prints: EVENTS LOST PER_SECOND MOST_WAITING P50_MICROSECONDS P99_MICROSECONDS CPU_MICROSECONDS
pub(crate) fn run(uri: &str) {
    let uri = uri.parse().unwrap();
    common::one_thread().block_on(async {
        let client = common::connect(&uri).await;
        let kind = DomainEventID::METADATA_CHANGE;
        let mut events = client.domain_events(kind).await.unwrap();
        println!("{LISTENING}");
        let used = usage::cpu_micros();
        let times = listen(&mut events).await;
        let used = usage::cpu_micros() - used;
        let seen: Vec<Times> = times.into_iter().flatten().collect();
        let first = seen.iter().map(|(_, here)| *here).min().unwrap();
        let last = seen.iter().map(|(_, here)| *here).max().unwrap();
        let rate = (seen.len() - 1) as f64 * 1e9 / (last - first) as f64;
        let took =
            |part| report::part(seen.iter().map(|(asked, here)| (here - asked) as f64), part);
        println!(
            "{} {} {rate} {} {} {} {}",
            seen.len(),
            EVENTS - seen.len(),
            most_waiting(&seen),
            took(0.5) / 1e3,
            took(0.99) / 1e3,
            used / seen.len() as f64
        );
    });
}

/// By number. One that comes twice is no less wrong than one that is lost.
async fn listen(events: &mut Subscription) -> Vec<Option<Times>> {
    let mut times = vec![None; EVENTS];
    let mut left = EVENTS;
    while left > 0 {
        let Ok(notice) = tokio::time::timeout(SILENCE, events.next()).await else {
            break;
        };
        let Notice::Event(event) = notice.expect("the connection holds") else {
            continue;
        };
        let Event::DomainEventCallbackMetadataChange(change) = &*event else {
            panic!("{event:?}");
        };
        let namespace = change.nsuri.as_ref().map(|text| text.to_string_lossy());
        if let Some((number, asked)) = namespace.and_then(|text| stamp::read(&text)) {
            let before = times[number].replace((asked, stamp::now()));
            assert!(before.is_none(), "event {number} came twice");
            left -= 1;
        }
    }
    times
}

/// The most events that were under way at a time.
fn most_waiting(seen: &[Times]) -> i64 {
    let mut changes: Vec<(i64, i64)> = seen
        .iter()
        .flat_map(|(asked, here)| [(*asked, 1), (*here, -1)])
        .collect();
    changes.sort_unstable();
    let running = changes.iter().scan(0, |waiting, (_, change)| {
        *waiting += change;
        Some(*waiting)
    });
    running.max().unwrap_or_default()
}
