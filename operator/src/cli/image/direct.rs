//! A file on its way to a host, without a cluster.

use std::process::ExitCode;
use std::time::Duration;

use bytes::BytesMut;
use drover_crds::{ClusterImage, Image};
use serde_json::Value;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use super::file::Content;
use super::progress::Progress;
use super::{UploadArgs, check_declared};
use crate::cli::apply::ready_words;
use crate::cli::files::{self, Given};
use crate::cli::objects::Place;
use crate::cli::session::{self, Session};
use crate::cli::{CliError, HostArgs};
use crate::controllers::image::ImageObject;
use crate::reconcile::Key;
use crate::upload::{PIECE, Refusal, Sending};

const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn upload(args: &UploadArgs, content: &Content) -> Result<ExitCode, CliError> {
    let place = place(args);
    let given = files::read(&args.files, &args.namespace)?;
    // Nothing else of the files is made.
    let given: Vec<Given> = given
        .into_iter()
        .filter(|it| it.plural == "storagepools" || session::place(it) == place)
        .collect();
    let image = given.iter().find(|it| session::place(it) == place);
    let Some(image) = image else {
        let words = format!("there is no {} in the files", args.image());
        return Err(CliError::Usage(words));
    };
    let declared = match args.cluster_image {
        true => declared::<ClusterImage>(args, image),
        false => declared::<Image>(args, image),
    };
    check_declared(declared?.as_deref(), content)?;
    let hosts = HostArgs {
        connect: args.connect.clone(),
        fleet: args.fleet.clone(),
        namespace: args.namespace.clone(),
        insecure: args.insecure,
        take_over: false,
    };
    let session = Session::start(&hosts, &given).await?;
    let sender = Sender {
        key: Key::image(&args.image()),
        patience: Duration::from_secs(args.timeout),
        session: &session,
        place,
    };
    // Nobody else asks here.
    let _token = session.ctx.uploads.invite(&sender.key, "");
    let workers = session.work();
    let done = sender.run(args, content).await;
    drop(workers);
    done
}

fn place(args: &UploadArgs) -> Place {
    let plural = match args.cluster_image {
        true => "clusterimages",
        false => "images",
    };
    let image = args.image();
    (plural.to_owned(), image.namespace, image.name)
}

// What must be sent.
fn declared<I: ImageObject>(args: &UploadArgs, given: &Given) -> Result<Option<String>, CliError> {
    let object: Result<I, _> = serde_json::from_value(given.object.clone());
    let object = object.map_err(|error| CliError::File(given.file.clone(), error.to_string()))?;
    match object.content().source.upload {
        Some(_) => Ok(object.content().checksum.clone()),
        None => {
            let words = format!(
                "{} is not one that is sent: spec.source has no upload",
                args.image()
            );
            Err(CliError::Usage(words))
        }
    }
}

struct Sender<'a> {
    session: &'a Session,
    key: Key,
    place: Place,
    patience: Duration,
}

impl Sender<'_> {
    async fn run(&self, args: &UploadArgs, content: &Content) -> Result<ExitCode, CliError> {
        let Some(sending) = self.begin(content).await? else {
            println!("{} is there already", args.image());
            return Ok(ExitCode::SUCCESS);
        };
        let fed = feed(&sending, content).await;
        drop(sending);
        match fed {
            Err(Feeding::File(error)) => {
                let name = content.path.display().to_string();
                return Err(CliError::File(name, error.to_string()));
            }
            // The image says why.
            Err(Feeding::Refused) | Ok(()) => {}
        }
        self.end().await?;
        let original = &self.object()["status"]["original"];
        let text = |name: &str| original[name].as_str().unwrap_or_default().to_owned();
        println!(
            "{} is in {} on {}",
            args.image(),
            text("pool"),
            text("host")
        );
        Ok(ExitCode::SUCCESS)
    }

    fn object(&self) -> Value {
        self.session.objects.get(&self.place).unwrap_or_default()
    }

    fn is_there(&self) -> bool {
        let object = self.object();
        let mut copies = object["status"]["pools"].as_array().into_iter().flatten();
        copies.any(|copy| copy["state"] == "Ready")
    }

    // Waits until there is an empty volume for it; none if it is there already.
    async fn begin(&self, content: &Content) -> Result<Option<Sending>, CliError> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.session.ctx.uploads.begin(&self.key, &content.begin(0)) {
                Ok(sending) => return Ok(Some(sending)),
                Err(Refusal::NotYet | Refusal::Unknown) => {}
                Err(refusal) => return Err(CliError::Failed(refusal.to_string())),
            }
            if self.is_there() {
                return Ok(None);
            }
            if Instant::now() > deadline {
                return Err(CliError::Failed(ready_words(&self.object())));
            }
            sleep(PAUSE).await;
        }
    }

    // Waits until it is whole, or was no use.
    async fn end(&self) -> Result<(), CliError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if self.is_there() {
                return Ok(());
            }
            let object = self.object();
            let words = ready_words(&object);
            let over = self.session.ctx.uploads.so_far(&self.key).is_none();
            let told = !words.is_empty() && !words.starts_with("Importing");
            if (over && told) || Instant::now() > deadline {
                return Err(CliError::Failed(words));
            }
            sleep(PAUSE).await;
        }
    }
}

enum Feeding {
    File(std::io::Error),
    Refused,
}

async fn feed(sending: &Sending, content: &Content) -> Result<(), Feeding> {
    let progress = Progress::new("sent", content.length);
    let mut file = File::open(&content.path).await.map_err(Feeding::File)?;
    let mut at = 0;
    loop {
        let mut piece = BytesMut::with_capacity(PIECE);
        let read = (&mut file).take(PIECE as u64).read_buf(&mut piece).await;
        let count = read.map_err(Feeding::File)?;
        if count == 0 {
            progress.end();
            return Ok(());
        }
        let sent = sending.send(piece.freeze()).await;
        sent.map_err(|_| Feeding::Refused)?;
        at += count as u64;
        progress.at(at);
    }
}
