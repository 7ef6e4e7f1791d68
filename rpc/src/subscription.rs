//! Listening to events.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use drover_rpc_proto::procedure::Procedure;
use drover_rpc_proto::qemu::ConnectDomainMonitorEventRegisterArgs;
use drover_rpc_proto::remote::{
    ConnectDomainEventCallbackRegisterAnyArgs, ConnectNetworkEventRegisterAnyArgs,
    ConnectNodeDeviceEventRegisterAnyArgs, ConnectSecretEventRegisterAnyArgs,
    ConnectStoragePoolEventRegisterAnyArgs, Domain, Network, NodeDevice, Secret, StoragePool,
    procedures,
};
use drover_rpc_proto::{Call, qemu, remote};
use futures::channel::mpsc;
use futures::{Stream, StreamExt};
use tokio::sync::oneshot;

use crate::client::Client;
use crate::driver::{Command, Listener, QueueState, Topic};
use crate::error::Error;

/// How many events wait for a listener, unless they are large. What is over is lost, and told as
/// lost.
const QUEUE: usize = 1024;

/// What a listener is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// An event.
    Event(Arc<remote::Event>),
    /// An event of QEMU's monitor.
    Qemu(Arc<qemu::Event>),
    /// Events have been lost: look at the state itself.
    Lost,
}

/// Events of one kind, for one listener. It ends with the connection, and ends the registration
/// when it is the last one to listen.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    token: u64,
    queue: mpsc::Receiver<(Notice, usize)>,
    state: Arc<QueueState>,
}

impl Subscription {
    /// The next notice; none when the connection has ended.
    pub async fn next(&mut self) -> Option<Notice> {
        std::future::poll_fn(|context| self.poll_notice(context)).await
    }

    fn poll_notice(&mut self, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        match self.queue.poll_next_unpin(context) {
            Poll::Pending if self.state.lost.load(Ordering::Acquire) => {}
            other => return other.map(|notice| notice.map(|notice| self.taken(notice))),
        }
        // The queue was full when something was lost, so that this comes after what is in it, also after
        // what came just now.
        if let Ok(notice) = self.queue.try_recv() {
            return Poll::Ready(Some(self.taken(notice)));
        }
        self.state.lost.store(false, Ordering::Release);
        Poll::Ready(Some(Notice::Lost))
    }

    fn taken(&self, (notice, size): (Notice, usize)) -> Notice {
        self.state.bytes.fetch_sub(size, Ordering::AcqRel);
        notice
    }
}

impl Stream for Subscription {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        self.get_mut().poll_notice(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let listener = self.token;
        // Without a driver there is nothing to end.
        self.client
            .shared
            .send(Command::Unsubscribe { listener })
            .ok();
    }
}

impl Client {
    /// Listens to domain events with this number (`virDomainEventID`), of one domain or of all.
    ///
    /// # Errors
    /// When the server refuses, as it does with a number it does not know.
    pub async fn subscribe_domain(
        &self,
        event_id: i32,
        dom: Option<Domain>,
    ) -> Result<Subscription, Error> {
        let args = ConnectDomainEventCallbackRegisterAnyArgs { event_id, dom };
        self.subscribe::<procedures::ConnectDomainEventCallbackRegisterAny>(args)
            .await
    }

    /// Listens to network events with this number (`virNetworkEventID`).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn subscribe_network(
        &self,
        event_id: i32,
        net: Option<Network>,
    ) -> Result<Subscription, Error> {
        let args = ConnectNetworkEventRegisterAnyArgs { event_id, net };
        self.subscribe::<procedures::ConnectNetworkEventRegisterAny>(args)
            .await
    }

    /// Listens to storage pool events with this number (`virStoragePoolEventID`).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn subscribe_storage_pool(
        &self,
        event_id: i32,
        pool: Option<StoragePool>,
    ) -> Result<Subscription, Error> {
        let args = ConnectStoragePoolEventRegisterAnyArgs { event_id, pool };
        self.subscribe::<procedures::ConnectStoragePoolEventRegisterAny>(args)
            .await
    }

    /// Listens to node device events with this number (`virNodeDeviceEventID`).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn subscribe_node_device(
        &self,
        event_id: i32,
        dev: Option<NodeDevice>,
    ) -> Result<Subscription, Error> {
        let args = ConnectNodeDeviceEventRegisterAnyArgs { event_id, dev };
        self.subscribe::<procedures::ConnectNodeDeviceEventRegisterAny>(args)
            .await
    }

    /// Listens to secret events with this number (`virSecretEventID`).
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn subscribe_secret(
        &self,
        event_id: i32,
        secret: Option<Secret>,
    ) -> Result<Subscription, Error> {
        let args = ConnectSecretEventRegisterAnyArgs { event_id, secret };
        self.subscribe::<procedures::ConnectSecretEventRegisterAny>(args)
            .await
    }

    /// Listens to events of QEMU's monitor, of one name or of all.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn subscribe_qemu_monitor(
        &self,
        args: ConnectDomainMonitorEventRegisterArgs,
    ) -> Result<Subscription, Error> {
        self.subscribe::<qemu::procedures::ConnectDomainMonitorEventRegister>(args)
            .await
    }

    async fn subscribe<P: Procedure>(&self, args: P::Args) -> Result<Subscription, Error> {
        let topic = Topic {
            program: P::PROGRAM,
            procedure: P::NUMBER,
            args: drover_xdr::to_bytes(&args).map_err(Error::Argument)?,
            call: Call::of::<P>(&args).map_err(Error::Argument)?,
        };
        self.record(P::NAME, self.listen(topic)).await
    }

    async fn listen(&self, topic: Topic) -> Result<Subscription, Error> {
        let token = self.shared.token();
        // One more than is asked for waits for each sender.
        let (sender, queue) = mpsc::channel(QUEUE - 1);
        let (answer, receiver) = oneshot::channel();
        let state = Arc::new(QueueState::default());
        let listener = Listener {
            token,
            queue: sender,
            state: Arc::clone(&state),
        };
        self.shared.send(Command::Subscribe {
            topic,
            listener,
            answer,
        })?;
        // Dropped half way, it takes the listener away.
        let subscription = Subscription {
            client: self.clone(),
            token,
            queue,
            state,
        };
        let result = receiver.await;
        result.unwrap_or_else(|_| Err(self.shared.gone(true)))?;
        Ok(subscription)
    }
}
