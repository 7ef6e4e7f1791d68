//! A conversation with a libvirt, of which every answer is noted, as far as the operator reads it.

use std::fmt::Debug;
use std::time::Duration;

use drover_core::observed::domain::{Definition, DomainState};
use drover_rpc::proto::remote::{self, Event};
use drover_rpc::{Client, ConnectOptions, Error, Notice, Subscription, TypedParams};
use futures::FutureExt;

pub(super) const LIMIT: Duration = Duration::from_secs(60);
const LIFECYCLE: i32 = 0;
const METADATA: i32 = 23;
const INACTIVE: u32 = 2;
/// Its events come after all that were caused before.
const LAST: [u8; 16] = [0xee; 16];

/// Both ends, and what was said.
pub(super) struct Talk {
    pub(super) client: Client,
    /// The type of the domains, and what the name of each begins with.
    pub(super) driver: &'static str,
    domains: Subscription,
    metadata: Subscription,
    lines: Vec<String>,
}

impl Talk {
    pub(super) async fn with(uri: &str, driver: &'static str) -> Self {
        let uri = uri.parse().unwrap();
        let client = Client::connect(&uri, ConnectOptions::default()).await;
        let client = client.unwrap();
        tidy(&client).await;
        Self {
            domains: client.subscribe_domain(LIFECYCLE, None).await.unwrap(),
            metadata: client.subscribe_domain(METADATA, None).await.unwrap(),
            client,
            driver,
            lines: Vec::new(),
        }
    }

    /// All that was said.
    pub(super) fn said(self) -> Vec<String> {
        self.lines
    }

    pub(super) fn note(&mut self, step: &str, what: impl Debug) {
        self.lines.push(format!("{step}: {what:?}"));
    }

    /// Notes that it went well, or the numbers of the error.
    pub(super) fn went<T>(&mut self, step: &str, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.lines.push(format!("{step}: well"));
                Some(value)
            }
            Err(error) => {
                let said = error.libvirt().map(|error| error.code);
                self.lines.push(format!("{step}: error {said:?}"));
                None
            }
        }
    }

    /// Notes an answer.
    pub(super) fn answer<T: Debug>(&mut self, step: &str, result: Result<T, Error>) {
        if let Some(value) = self.went(step, result) {
            self.note(step, value);
        }
    }

    /// Notes all that the operator reads of a domain.
    pub(super) async fn look(&mut self, step: &str, domain: &remote::Domain) {
        let client = self.client.clone();
        let state = client.domain_get_state(domain.clone(), 0).await;
        let state = state.map(|it| {
            let state = DomainState::from_number(it.state);
            (state, state.reason(it.reason))
        });
        self.answer(&format!("{step}, state"), state);
        let persistent = client.domain_is_persistent(domain.clone()).await;
        self.answer(&format!("{step}, persistent"), persistent);
        let active = client.domain_is_active(domain.clone()).await;
        self.answer(&format!("{step}, active"), active);
        let autostart = client.domain_get_autostart(domain.clone()).await;
        self.answer(&format!("{step}, autostart"), autostart);
        for flags in [0, INACTIVE] {
            let xml = client.domain_get_xml_desc(domain.clone(), flags).await;
            let read = xml.map(|xml| Definition::parse(&xml.to_string_lossy()).unwrap());
            self.answer(&format!("{step}, XML {flags}"), read);
        }
        self.in_lists(step, domain).await;
    }

    // In which lists it is, and what the statistics of all say of it.
    async fn in_lists(&mut self, step: &str, domain: &remote::Domain) {
        let client = self.client.clone();
        // Active, inactive, persistent, transient, running, paused, shut off, autostart or not.
        for flags in [0, 1, 2, 4, 8, 16, 32, 64, 1024, 2048] {
            let list = client.connect_list_all_domains(1, flags).await;
            let there = list.map(|list| {
                let mut listed = list.domains.iter().filter(|it| it.uuid == domain.uuid);
                listed
                    .next()
                    .map(|it| (it.name.to_string_lossy().into_owned(), it.id > 0))
            });
            self.answer(&format!("{step}, in list {flags}"), there);
        }
        let all = client.connect_get_all_domain_stats(Vec::new(), 1, 0).await;
        let mine = all.map(|all| {
            let of = all
                .into_iter()
                .find(|record| record.dom.uuid == domain.uuid);
            let values = of.map(|record| TypedParams::from(record.params));
            values.map(|values| (values.i64("state.state"), values.i64("state.reason")))
        });
        self.answer(&format!("{step}, statistics"), mine);
    }

    /// Notes the events of domains so far, of which one is made for the purpose and comes last.
    pub(super) async fn heard(&mut self, step: &str) {
        let xml = format!(
            "<domain type='{}'><name>herd-last</name>\
             <uuid>eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee</uuid><memory>65536</memory>\
             <os><type arch='{}'>hvm</type></os></domain>",
            self.driver,
            architecture(self.driver),
        );
        let last = self.client.domain_define_xml_flags(xml, 0).await.unwrap();
        let mut events = Vec::new();
        loop {
            let next = tokio::time::timeout(LIMIT, self.domains.next()).await;
            let Some(Notice::Event(event)) = next.expect("an event") else {
                panic!("the events ended");
            };
            let Event::DomainEventCallbackLifecycle(event) = &*event else {
                panic!("{event:?}");
            };
            let msg = &event.msg;
            if msg.dom.uuid == LAST {
                break;
            }
            if msg.dom.name.to_string_lossy().starts_with("herd-") {
                events.push((msg.dom.name.to_string(), msg.event, msg.detail));
            }
        }
        self.note(&format!("{step}, events"), events);
        let mut metadata = Vec::new();
        while let Some(Some(Notice::Event(event))) = self.metadata.next().now_or_never() {
            if let Event::DomainEventCallbackMetadataChange(event) = &*event {
                let uri = event.nsuri.as_ref().map(ToString::to_string);
                metadata.push((event.type_, uri));
            }
        }
        self.note(&format!("{step}, events of metadata"), metadata);
        let client = self.client.clone();
        client.domain_undefine_flags(last, 0).await.unwrap();
        loop {
            let next = tokio::time::timeout(LIMIT, self.domains.next()).await;
            let Some(Notice::Event(event)) = next.expect("an event") else {
                panic!("the events ended");
            };
            if let Event::DomainEventCallbackLifecycle(event) = &*event
                && event.msg.dom.uuid == LAST
            {
                break;
            }
        }
    }
}

// What a talk that failed left.
async fn tidy(client: &Client) {
    let all = client.connect_list_all_domains(1, 0).await.unwrap();
    let left = |it: &remote::Domain| it.name.to_string_lossy().starts_with("herd-");
    for domain in all.domains.into_iter().filter(left) {
        // Either may be in the wrong state for it.
        client.domain_destroy_flags(domain.clone(), 0).await.ok();
        client.domain_undefine_flags(domain, 0).await.ok();
    }
}

/// Of the guests.
pub(super) fn architecture(driver: &str) -> &'static str {
    if driver == "test" { "i686" } else { "x86_64" }
}
