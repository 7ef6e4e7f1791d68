//! The operator as a whole: it serves health at once, waits for the lead, and works until it is
//! told to stop.

use std::sync::Arc;
use std::time::Duration;

use kube::{Api, Client, ResourceExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::config::OperatorArgs;
use crate::controllers::placement::Line;
use crate::controllers::{self, takeover};
use crate::ctx::{Ctx, Memory};
use crate::events::Events;
use crate::hosts::{Reach, Registry};
use crate::import::address::Allowed;
use crate::import::jobs::Jobs;
use crate::lease::{self, LeaseConfig};
use crate::metrics::Metrics;
use crate::reconcile::queue::Everyone;
use crate::reconcile::{Cache, Hints, Kind, Queue};
use crate::secrets::SecretReader;
use crate::serve;
use crate::settings::{Settings, SettingsError};
use crate::upload::{Door, Uploads};

/// How many objects are looked at at once, of all lanes: enough for some that are full because a host
/// is slow. A worker that waits costs next to nothing.
const WORKERS: usize = 256;
/// The name of the Lease.
const LEASE: &str = "drover";
/// How long the hosts are given to answer before the work begins without those that do not.
const HOSTS_PATIENCE: Duration = Duration::from_secs(5);

/// Why the operator ended other than because it was told to.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no way to the API server.
    #[error("no way to the API server: {0}")]
    Config(#[from] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("the API client: {0}")]
    Client(#[from] Box<kube::Error>),
    /// What it is told by a file is of no use.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Metrics cannot be registered.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The address cannot be listened on, or signals cannot be heard.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Another replica may lead by now.
    #[error(transparent)]
    Lost(#[from] lease::Lost),
    /// A watch ended before it began.
    #[error("the watches ended")]
    Watch,
}

/// Runs the operator.
///
/// # Errors
/// [`AppError`], when it ends without having been told to.
pub async fn run(args: OperatorArgs) -> Result<(), AppError> {
    let settings = Settings::read(args.config.as_deref())?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let metrics = Arc::new(Metrics::new()?);
    metrics.set_leader(LEASE, false);
    let config = kube::Config::infer().await?;
    let client = api::client(config).map_err(|error| AppError::Client(Box::new(error)))?;
    let (ready, is_ready) = watch::channel(true);
    let server = serve::run(args.listen, Arc::clone(&metrics), is_ready, stop.clone());
    let (leading, mut leads) = watch::channel(false);
    let config = LeaseConfig::new(&args.namespace, LEASE, &args.identity());
    // The lead is given back only after the work has ended.
    let released = CancellationToken::new();
    let lease = lease::run(client.clone(), config, leading, released.clone());
    let work = async {
        tokio::select! {
            led = leads.wait_for(|leads| *leads) => drop(led),
            () = stop.cancelled() => {}
        }
        if !stop.is_cancelled() {
            metrics.set_leader(LEASE, true);
            work(&args, settings, client, Arc::clone(&metrics), stop.clone()).await?;
        }
        released.cancel();
        Ok::<(), AppError>(())
    };
    drop(ready);
    let server = async { server.await.map_err(AppError::from) };
    let lease = async { lease.await.map_err(AppError::from) };
    tokio::try_join!(server, lease, work).map(|_| ())
}

async fn work(
    args: &OperatorArgs,
    settings: Settings,
    client: Client,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let queue = Arc::new(Queue::default());
    metrics.watch_queue(Arc::clone(&queue))?;
    let hints = Hints::new(Arc::clone(&queue));
    let cache = Cache::start(&client, &hints)
        .await
        .map_err(|_| AppError::Watch)?;
    let events = Events::start(client.clone(), args.identity(), Arc::clone(&metrics));
    let secrets = Api::namespaced(client.clone(), &args.namespace);
    let door = Door::open(args)?;
    let jobs = Jobs::default();
    let endpoint = door.as_ref().map(|door| door.endpoint.clone());
    let uploads = Arc::new(Uploads::new(endpoint, &jobs, &hints, &metrics));
    let manager = manager(&cache);
    let ctx = Arc::new(Ctx {
        fleet: args.fleet.clone(),
        manager,
        take_over: false,
        client,
        cache,
        hosts: Registry::new(secrets, hints.clone(), Arc::clone(&metrics), stop.clone()),
        hints: hints.clone(),
        metrics,
        events,
        import_allow: Allowed::new(args.import_allow.clone()),
        jobs,
        uploads: Arc::clone(&uploads),
        secrets: SecretReader::of_operator(&args.namespace),
        placing: Line::default(),
        memory: Memory::new(settings.scheduling),
        start: (Instant::now(), jiff::Timestamp::now()),
    });
    know_everyone(&ctx);
    tokio::select! {
        () = takeover::outdate_placements(&ctx) => {}
        () = stop.cancelled() => {}
    }
    hear_hosts(&ctx, |_| true).await;
    hints.hint_everything();
    tracing::info!(fleet = args.fleet, "working");
    for kind in Kind::ALL {
        ctx.metrics.set_max_concurrent(kind.as_str(), WORKERS);
    }
    let mut workers = start_workers(&ctx, &queue);
    if let Some(door) = door {
        workers.spawn(door.serve(uploads, stop.clone()));
    }
    stop.cancelled().await;
    workers.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// Lets hints find every object.
pub(crate) fn know_everyone(ctx: &Arc<Ctx>) {
    let (all, domains) = (Arc::downgrade(ctx), Arc::downgrade(ctx));
    ctx.hints.set_everyone(Everyone {
        all: Box::new(move || all.upgrade().map_or_else(Vec::new, |ctx| ctx.cache.keys())),
        of_domain: Box::new(move |name, uuid| domains.upgrade()?.cache.machine_of(name, uuid)),
    });
}

/// Begins to work on what is in the queue, until the set is dropped.
pub(crate) fn start_workers(ctx: &Arc<Ctx>, queue: &Arc<Queue>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(controllers::work(Arc::clone(ctx), Arc::clone(queue)));
    }
    workers
}

// A cluster is known by the namespace that each has and none ever makes anew.
fn manager(cache: &Cache) -> String {
    let namespace = cache.namespaces.get("", "kube-system");
    let uid = namespace.and_then(|namespace| namespace.metadata.uid.clone());
    uid.unwrap_or_else(|| "cluster".to_owned())
}

/// Before anything is said of any object every host has had its chance to answer: an operator that
/// starts again is no reason to call all of them unreachable.
pub(crate) async fn hear_hosts(ctx: &Ctx, is_asked: impl Fn(&str) -> bool) {
    let connecting = || {
        let mut hosts = ctx.cache.hosts.all();
        hosts.retain(|host| is_asked(&host.name_any()));
        hosts.iter().any(|host| {
            let handle = ctx.hosts.ensure(host);
            handle.read(|inventory| matches!(inventory.reach, Reach::Connecting))
        })
    };
    let patience = Instant::now() + HOSTS_PATIENCE;
    while connecting() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// SIGTERM and SIGINT: what is under way may end, nothing new begins.
fn stop_on_signal(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop");
        stop.cancel();
    })
}
