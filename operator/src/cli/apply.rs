//! Doing it, and undoing it. Whoever interrupts it runs it again: libvirt remembers what was done.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use drover_crds::Volume;
use kube::{Resource, ResourceExt};
use serde_json::Value;
use tokio::time::Instant;

use super::files::{self, Given};
use super::objects::{Objects, Place};
use super::session::{Session, place};
use super::{ApplyArgs, CliError, plan, print};
use crate::controllers::machine::foresight::{Sketch, host_has};
use crate::controllers::machine::owned_volumes;

/// How long it takes at most until what was done to the objects is heard of.
const HEARING: Duration = Duration::from_secs(5);

/// Makes everything as the files say.
///
/// # Errors
/// When it cannot be made so, within the time that is given.
pub async fn apply(args: &ApplyArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.hosts.namespace)?;
    let plans = plan::plans(&args.hosts, &given).await?;
    print!("{}", plans.text(print::colours()));
    if plans.is_done() {
        return Ok(ExitCode::SUCCESS);
    }
    ask(args.yes, "Do it?")?;
    let session = Session::start(&args.hosts, &given).await?;
    let places = worked_on(&given);
    let workers = session.work();
    let done = watch(&session, args.timeout, &places, |object| match object {
        Some(object) => settled(object),
        None => Some(Ok(())),
    });
    let ended = until_interrupted(done).await;
    drop(workers);
    ended
}

/// Removes everything that the files name, as each object's policies say.
///
/// # Errors
/// When it cannot be removed, within the time that is given.
pub async fn delete(args: &ApplyArgs) -> Result<ExitCode, CliError> {
    let given = files::read(&args.files.files, &args.hosts.namespace)?;
    let places = worked_on(&given);
    for (plural, namespace, name) in &places {
        let name = [namespace.as_str(), name].join("/");
        println!("- {plural} {}", name.trim_start_matches('/'));
    }
    ask(args.yes, "Remove all of it, as each object's policies say?")?;
    let session = Session::start(&args.hosts, &held(&given)).await?;
    let mut all = places.clone();
    for machine in session.ctx.cache.machines.all() {
        for volume in owned_volumes(&session.ctx, &machine) {
            let place = put(&session.objects, &volume);
            all.extend(place.filter(|place| !places.contains(place)));
        }
    }
    for volume in session.volumes() {
        pin(&session, volume).await?;
    }
    find_copies(&session).await?;
    for place in &places {
        session.objects.delete(place);
    }
    hear_of_images(&session).await;
    let workers = session.work();
    let done = watch(&session, args.timeout, &all, |object| {
        object.is_none().then_some(Ok(()))
    });
    let ended = until_interrupted(done).await;
    drop(workers);
    ended
}

fn place_of(volume: &Volume) -> Place {
    let namespace = volume.namespace().unwrap_or_default();
    ("volumes".to_owned(), namespace, volume.name_any())
}

fn put(objects: &Objects, volume: &Volume) -> Option<Place> {
    let place = place_of(volume);
    let object = serde_json::to_value(volume).ok()?;
    objects.create(place.clone(), object).ok().map(|_| place)
}

// A volume is where it is found: no status remembers it here.
async fn pin(session: &Session, volume: Volume) -> Result<(), CliError> {
    let sketch = Sketch::of(&volume);
    for host in session.ctx.hosts.all() {
        if host_has(&session.ctx, &host.name, &sketch).await? {
            let patch = serde_json::json!({"spec": {"host": host.name}});
            let _known = session
                .objects
                .patch(&place_of(&volume), false, false, &patch);
        }
    }
    Ok(())
}

// Where an image's copies are no status remembers here either.
async fn find_copies(session: &Session) -> Result<(), CliError> {
    let cache = &session.ctx.cache;
    for image in cache.image_names() {
        let plural = match image.namespace.as_str() {
            "" => "clusterimages",
            _ => "images",
        };
        let mut copies = Vec::new();
        for host in session.ctx.hosts.all() {
            for pool in cache.pools.all() {
                let (pool, name) = (pool.name_any(), image.volume_name());
                let seen = host.pool(&pool).await?;
                if seen.is_some_and(|seen| seen.volumes.contains(&name)) {
                    copies.push(serde_json::json!({
                        "pool": pool, "host": host.name, "state": "Ready",
                    }));
                }
            }
        }
        let place = (plural.to_owned(), image.namespace, image.name);
        let status = serde_json::json!({"status": {"pools": copies, "conditions": []}});
        let _known = session.objects.patch(&place, true, false, &status);
    }
    Ok(())
}

// Whoever looked at an image as it was before would take back what was found of it.
async fn hear_of_images(session: &Session) {
    let cache = &session.ctx.cache;
    let heard = || {
        let own = cache.images.all().into_iter().map(|it| it.meta().clone());
        let of_cluster = cache.cluster_images.all();
        let of_cluster = of_cluster.into_iter().map(|it| it.meta().clone());
        own.chain(of_cluster)
            .all(|meta| meta.deletion_timestamp.is_some())
    };
    let patience = Instant::now() + HEARING;
    while !heard() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn worked_on(given: &[Given]) -> Vec<Place> {
    given
        .iter()
        .filter(|it| is_worked_on(it))
        .map(place)
        .collect()
}

fn is_worked_on(given: &Given) -> bool {
    WORKED_ON.iter().any(|(plural, _)| *plural == given.plural)
}

// What something is made of on the hosts.
const WORKED_ON: [(&str, &str); 6] = [
    ("virtualmachines", "VirtualMachine"),
    ("volumes", "Volume"),
    ("images", "Image"),
    ("clusterimages", "ClusterImage"),
    ("storagepools", "StoragePool"),
    ("networks", "Network"),
];

// As they would be in a cluster: each is held until Drover has cleaned up.
fn held(given: &[Given]) -> Vec<Given> {
    let mut held = given.to_vec();
    for it in held.iter_mut().filter(|it| is_worked_on(it)) {
        it.object["metadata"]["finalizers"] = serde_json::json!([drover_crds::FINALIZER]);
    }
    held
}

fn ask(yes: bool, question: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let words = "nobody is there to ask: say --yes".to_owned();
        return Err(CliError::Usage(words));
    }
    print!("{question} [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CliError::Failed("nothing was done".to_owned())),
    }
}

async fn until_interrupted(
    work: impl Future<Output = Result<(), CliError>>,
) -> Result<ExitCode, CliError> {
    tokio::select! {
        done = work => done.map(|()| ExitCode::SUCCESS),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            let words = "interrupted: run it again to go on".to_owned();
            Err(CliError::Failed(words))
        }
    }
}

// Prints each step of the way, until all have ended by this measure, and nothing follows from it.
async fn watch(
    session: &Session,
    timeout: u64,
    places: &[Place],
    ended: impl Fn(Option<&Value>) -> Option<Result<(), String>>,
) -> Result<(), CliError> {
    let objects = &session.objects;
    let deadline = Instant::now() + Duration::from_secs(timeout);
    let mut said: BTreeMap<Place, String> = BTreeMap::new();
    let mut calm = false;
    loop {
        let changed = objects.changed.notified();
        let mut open = Vec::new();
        let mut failed = Vec::new();
        for place in places {
            let object = objects.get(place).ok();
            let words = object.as_ref().map_or("gone".to_owned(), ready_words);
            if !words.is_empty()
                && said.insert(place.clone(), words.clone()).as_ref() != Some(&words)
            {
                println!("  {}: {words}", title(place));
            }
            match ended(object.as_ref()) {
                Some(Ok(())) => {}
                Some(Err(why)) => failed.push(format!("{}: {why}", title(place))),
                None => open.push(title(place)),
            }
        }
        if open.is_empty() && !calm {
            // At the deadline it is as it is.
            let _idle = tokio::time::timeout_at(deadline, session.idle()).await;
            calm = true;
            continue;
        }
        if open.is_empty() {
            return match failed.is_empty() {
                true => Ok(()),
                false => Err(CliError::Failed(failed.join("\n"))),
            };
        }
        calm = false;
        if tokio::time::timeout_at(deadline, changed).await.is_err() {
            let words = format!("not done after {timeout} s: {}", open.join(", "));
            return Err(CliError::Failed(words));
        }
    }
}

fn title((plural, namespace, name): &Place) -> String {
    let mut kinds = WORKED_ON.iter();
    let kind = kinds.find(|(known, _)| known == plural);
    let kind = kind.map_or(plural.as_str(), |(_, kind)| kind);
    match namespace.as_str() {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = object["status"]["conditions"].as_array()?;
    all.iter().find(|condition| condition["type"] == kind)
}

pub(super) fn ready_words(object: &Value) -> String {
    let Some(ready) = condition(object, "Ready") else {
        return String::new();
    };
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    match (text("reason"), text("message")) {
        (reason, message) if message.is_empty() => reason,
        (reason, message) => format!("{reason}: {message}"),
    }
}

// A look that says how it ends: as declared, or that only a person can help.
fn settled(object: &Value) -> Option<Result<(), String>> {
    let ready = condition(object, "Ready")?;
    if ready["status"] == "True" {
        return Some(Ok(()));
    }
    condition(object, "Stalled").map(|_| Err(ready_words(object)))
}
