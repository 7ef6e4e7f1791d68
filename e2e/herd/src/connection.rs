//! One connection: bytes to requests, requests to answers, and what the host tells by itself.

use std::io;
use std::sync::Arc;

use drover_rpc_proto::remote::procedures::{ConnectListAllStoragePools, ConnectOpen};
use drover_rpc_proto::server::{Request, Server};
use drover_xdr::{Encode, Encoder};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::calls;
use crate::herd::Shared;
use crate::host::Host;
use crate::weather::{Fate, Forecast, Sky};

/// An event on its way to a client: its number and its body.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) number: i32,
    pub(crate) body: Box<[u8]>,
}

struct Body<'a>(&'a [u8]);

impl Encode for Body<'_> {
    fn encode(&self, out: &mut Encoder) -> Result<(), drover_xdr::Error> {
        out.raw(self.0);
        Ok(())
    }
}

/// A client as its host knows it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) host: Arc<Host>,
    /// Its number among all connections of the herd.
    pub(crate) id: u64,
    pub(crate) opened: bool,
    pub(crate) closing: bool,
    pub(crate) tell: UnboundedSender<Told>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.host.forget(self.id);
    }
}

struct Connection {
    shared: Arc<Shared>,
    session: Session,
    server: Server,
    forecast: Forecast,
    counted: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.counted {
            self.shared.counter.disconnected();
        }
    }
}

/// Why a connection has ended.
struct Ended;

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// Serves a client until it goes.
pub(crate) async fn serve(shared: Arc<Shared>, host: Arc<Host>, stream: UnixStream) {
    let (tell, told) = unbounded_channel();
    let id = shared.next_connection();
    let forecast = shared.options.weather.forecast(host.number, id);
    let sky = shared.sky.subscribe();
    let connection = Connection {
        session: Session {
            host,
            id,
            opened: false,
            closing: false,
            tell,
        },
        server: Server::default(),
        forecast,
        shared,
        counted: false,
    };
    // Its end is all that matters.
    let _ = connection.run(stream, told, sky).await;
}

impl Connection {
    async fn run(
        mut self,
        mut stream: UnixStream,
        mut told: UnboundedReceiver<Told>,
        mut sky: watch::Receiver<Sky>,
    ) -> Result<(), Ended> {
        let mut late = FuturesUnordered::new();
        loop {
            let now = *sky.borrow_and_update();
            match now {
                Sky::Refusing => return Err(Ended),
                Sky::Silent => {
                    sky.changed().await.map_err(|_| Ended)?;
                    continue;
                }
                Sky::Fair => {}
            }
            tokio::select! {
                biased;
                changed = sky.changed() => changed.map_err(|_| Ended)?,
                Some(event) = told.recv() => self.tell(&event),
                Some((request, fate)) = late.next() => self.answer(&request, fate)?,
                ready = stream.readable(), if self.server.takes_more() => {
                    ready?;
                    self.read(&stream)?;
                }
            }
            while let Ok(event) = told.try_recv() {
                self.tell(&event);
            }
            while let Some(request) = self.server.poll_request() {
                let (time, fate) = self.forecast.of(&self.shared.options.weather, &request);
                if time.is_zero() {
                    self.answer(&request, fate)?;
                } else {
                    late.push(async move {
                        tokio::time::sleep(time).await;
                        (request, fate)
                    });
                }
            }
            self.write(&mut stream, &mut sky).await?;
        }
    }

    // Not asynchronous: the buffer is not to be kept by each of thousands.
    fn read(&mut self, stream: &UnixStream) -> Result<(), Ended> {
        let mut buffer = [0; 16 << 10];
        match stream.try_read(&mut buffer) {
            Ok(0) => Err(Ended),
            Ok(count) => {
                let read = buffer.get(..count).unwrap_or_default();
                self.server.handle_input(read).map_err(|_| Ended)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn answer(&mut self, request: &Request, fate: Fate) -> Result<(), Ended> {
        if fate == Fate::Lost {
            return Err(Ended);
        }
        // One that was given up while nobody listened never comes so far.
        if request.is::<ConnectOpen>() && !std::mem::replace(&mut self.counted, true) {
            self.shared.counter.connected();
        }
        self.shared.counter.called(request.procedure());
        calls::answer(&mut self.session, request, &mut self.server);
        if request.is::<ConnectListAllStoragePools>() {
            self.shared.counter.listed(self.session.host.number);
        }
        if fate == Fate::AnswerLost {
            return Err(Ended);
        }
        Ok(())
    }

    // One that cannot be written is nobody's.
    fn tell(&mut self, event: &Told) {
        let _ = self.server.event(event.number, &Body(&event.body));
    }

    async fn write(
        &mut self,
        stream: &mut UnixStream,
        sky: &mut watch::Receiver<Sky>,
    ) -> Result<(), Ended> {
        let mut out = Vec::new();
        if self.server.transmit(&mut out) {
            tokio::select! {
                written = stream.write_all(&out) => written?,
                // A client that does not read is lost like any other.
                _ = sky.wait_for(|sky| *sky == Sky::Refusing) => return Err(Ended),
            }
        }
        if self.session.closing {
            return Err(Ended);
        }
        Ok(())
    }
}
