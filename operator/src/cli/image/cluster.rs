//! A file on its way to the operator of a cluster.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use drover_core::desired::image::ImageName;
use drover_crds::condition;
use drover_crds::image::UPLOAD_REQUESTED;
use drover_crds::{ClusterImage, Image, ImageStatus};
use hyper::StatusCode;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::{Instant, sleep};
use url::Url;

use super::file::Content;
use super::progress::Progress;
use super::{UploadArgs, check_declared};
use crate::cli::{CliError, cluster};
use crate::controllers::image::ImageObject;
use crate::import::trust::Trust;
use crate::reconcile::Key;
use crate::upload::{Answer, ClientError, Way, path};

/// How often it is looked again.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn upload(args: &UploadArgs, content: &Content) -> Result<ExitCode, CliError> {
    let client = cluster::client(&args.cluster).await?;
    match args.cluster_image {
        true => {
            Sender::<ClusterImage>::new(args, content, client)
                .run()
                .await
        }
        false => Sender::<Image>::new(args, content, client).run().await,
    }
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}

/// What became of it after one more step.
enum Turn {
    /// All of it is there, and is looked at.
    Sent,
    /// It goes on at once, later, or with other leave.
    GoOn,
    Later(String),
    Leave,
}

struct Sender<'a, I> {
    args: &'a UploadArgs,
    content: &'a Content,
    client: Client,
    api: Api<I>,
    image: ImageName,
}

impl<'a, I: ImageObject> Sender<'a, I> {
    fn new(args: &'a UploadArgs, content: &'a Content, client: Client) -> Self {
        let image = args.image();
        Self {
            api: I::api(&client, &image.namespace),
            args,
            content,
            client,
            image,
        }
    }

    async fn run(&self) -> Result<ExitCode, CliError> {
        let image = self.look().await?;
        if image.content().source.upload.is_none() {
            let words = format!(
                "{} is not one that is sent: spec.source has no upload",
                self.image
            );
            return Err(CliError::Usage(words));
        }
        check_declared(image.content().checksum.as_deref(), self.content)?;
        if let Some(status) = there(&image) {
            return self.there_already(status);
        }
        let progress = Arc::new(Progress::new("sent", self.content.length));
        let sent = self.send(&progress).await;
        progress.end();
        sent?;
        self.tell().await
    }

    fn there_already(&self, status: &ImageStatus) -> Result<ExitCode, CliError> {
        match status.checksum.as_deref() {
            Some(checksum) if checksum != self.content.checksum() => Err(failed(format!(
                "{} is there already, and is {checksum}: make a new image of other content",
                self.image
            ))),
            _ => {
                println!("{} is there already", self.image);
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    async fn look(&self) -> Result<I, CliError> {
        self.api.get(&self.image.name).await.map_err(failed)
    }

    // Until all of it is whole on a host, or nothing has moved for too long.
    async fn send(&self, progress: &Arc<Progress>) -> Result<(), CliError> {
        let patience = Duration::from_secs(self.args.timeout);
        let (mut moved, mut farthest) = (Instant::now(), 0);
        let mut way = self.leave().await?;
        let mut sent = false;
        loop {
            let why = match self.turn(&way, progress, &mut sent).await? {
                (Turn::Sent, _) => return Ok(()),
                (Turn::GoOn, at) => {
                    if at > farthest {
                        (moved, farthest) = (Instant::now(), at);
                    }
                    "nothing more of it is taken".to_owned()
                }
                (Turn::Later(why), _) => {
                    sleep(PAUSE).await;
                    why
                }
                (Turn::Leave, _) => {
                    // The operator knows nothing of what came before.
                    (way, sent) = (self.leave().await?, false);
                    "there is no leave to send it".to_owned()
                }
            };
            if moved.elapsed() > patience {
                let seconds = patience.as_secs();
                let words = self.words().await;
                return Err(failed(format!("gave up after {seconds} s: {why}{words}")));
            }
        }
    }

    // Asks how far it is, and sends the rest.
    async fn turn(
        &self,
        way: &Way,
        progress: &Arc<Progress>,
        sent: &mut bool,
    ) -> Result<(Turn, u64), CliError> {
        let asked = match way.ask().await {
            Ok(asked) => asked,
            Err(error) => return Ok((Turn::Later(error.to_string()), 0)),
        };
        if asked.status == StatusCode::UNAUTHORIZED {
            // Leave ends when it is there.
            return Ok(match there(&self.look().await?) {
                Some(_) => (Turn::Sent, 0),
                None => (Turn::Leave, 0),
            });
        }
        let whole = asked.offset == self.content.length;
        if whole && asked.length == Some(self.content.length) {
            *sent = true;
            let later = Turn::Later("it is not whole on the host".to_owned());
            return Ok((later, asked.offset));
        }
        if *sent {
            return self.refused().await;
        }
        let begin = self.content.begin(asked.offset);
        let shown = Arc::clone(progress);
        let tell = Arc::new(move |at| shown.at(at));
        let answer = way.send(&self.content.path, &begin, tell).await;
        self.judge(answer, sent).await
    }

    async fn judge(
        &self,
        answer: Result<Answer, ClientError>,
        sent: &mut bool,
    ) -> Result<(Turn, u64), CliError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(ClientError::File(error)) => {
                let name = self.content.path.display().to_string();
                return Err(CliError::File(name, error.to_string()));
            }
            // What was cut off goes on.
            Err(error) => return Ok((Turn::Later(error.to_string()), 0)),
        };
        let turn = match answer.status {
            StatusCode::OK => {
                *sent = true;
                Turn::GoOn
            }
            StatusCode::ACCEPTED => Turn::GoOn,
            StatusCode::UNAUTHORIZED => Turn::Leave,
            StatusCode::UNPROCESSABLE_ENTITY => {
                return self.refused().await.map_err(|error| match error {
                    CliError::Failed(words) => failed(format!("{}; {words}", answer.words)),
                    other => other,
                });
            }
            StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::CONFLICT
            | StatusCode::REQUEST_TIMEOUT => Turn::Later(answer.words),
            status => return Err(failed(format!("{status}: {}", answer.words))),
        };
        Ok((turn, answer.offset))
    }

    // It has ended: well, if the image says that it is there.
    async fn refused(&self) -> Result<(Turn, u64), CliError> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let image = self.look().await?;
            if there(&image).is_some() {
                return Ok((Turn::Sent, 0));
            }
            let reason = image.status().and_then(|status| {
                let ready = condition::find(&status.conditions, "Ready")?;
                (ready.reason != "Importing").then(|| ready.reason.clone())
            });
            if reason.is_some() || Instant::now() > deadline {
                return Err(failed(format!("it was not taken{}", self.words().await)));
            }
            sleep(PAUSE).await;
        }
    }

    // Asks for leave, and waits for it.
    async fn leave(&self) -> Result<Way, CliError> {
        let request = Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {UPLOAD_REQUESTED: request}}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.api.patch(&self.image.name, &params, &patch);
        patched.await.map_err(failed)?;
        let namespace = match self.image.namespace.as_str() {
            "" => &self.args.operator_namespace,
            namespace => namespace,
        };
        let secrets = Api::<Secret>::namespaced(self.client.clone(), namespace);
        let name = format!("{}-upload", self.image.name);
        let deadline = Instant::now() + Duration::from_secs(self.args.timeout);
        loop {
            let secret = secrets.get_opt(&name).await.map_err(failed)?;
            let answer =
                secret.filter(|it| it.annotations().get(UPLOAD_REQUESTED) == Some(&request));
            if let Some(secret) = answer {
                return self.way(&secret);
            }
            if Instant::now() > deadline {
                let words = self.words().await;
                let place = format!("Secret {name} in namespace {namespace}");
                return Err(failed(format!("nobody answers by {place}{words}")));
            }
            sleep(PAUSE).await;
        }
    }

    fn way(&self, secret: &Secret) -> Result<Way, CliError> {
        let data = secret.data.clone().unwrap_or_default();
        let text = |key: &str| {
            let bytes = data
                .get(key)
                .map(|bytes| bytes.0.clone())
                .unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_default()
        };
        let url = match &self.args.url {
            Some(base) => {
                let base = base.as_str().trim_end_matches('/');
                base.to_owned() + &path(&Key::image(&self.image))
            }
            None => text("url"),
        };
        let parsed = Url::parse(&url).map_err(|error| failed(format!("{url}: {error}")))?;
        let trust = match data.get("ca.crt") {
            Some(ca) => Trust::beside(&ca.0).map_err(|error| failed(format!("ca.crt: {error}")))?,
            None => Trust::default(),
        };
        Ok(Way {
            url: parsed,
            token: text("token"),
            trust,
        })
    }

    // What the image says, at the end of a sentence.
    async fn words(&self) -> String {
        let image = self.look().await.ok();
        let status = image.as_ref().and_then(ImageObject::status);
        let ready = status.and_then(|status| condition::find(&status.conditions, "Ready"));
        let words = ready.map(|ready| format!("; {}: {}", ready.reason, ready.message));
        words.unwrap_or_default()
    }

    async fn tell(&self) -> Result<ExitCode, CliError> {
        let image = self.look().await?;
        let original = image.status().and_then(|status| status.original.as_ref());
        match original {
            Some(it) => println!("{} is in {} on {}", self.image, it.pool, it.host),
            None => println!("{} is there", self.image),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn there<I: ImageObject>(image: &I) -> Option<&ImageStatus> {
    let status = image.status()?;
    let mut copies = status.pools.iter();
    copies.any(|copy| copy.state == "Ready").then_some(status)
}
