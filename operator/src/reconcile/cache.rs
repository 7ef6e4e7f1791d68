//! What the API server has, as the watches tell it, and what this operator has just written, which
//! the watches tell only later.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use drover_core::desired::image::ImageName;
use drover_crds::{
    ClusterImage, Host, Image, InstanceType, Network, StoragePool, VirtualMachine, Volume,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Hints, Key};

type Written<K> = Mutex<HashMap<ObjectRef<K>, Arc<K>>>;

/// Which objects have changed since somebody asked. Nothing is noted before somebody has.
#[derive(Debug)]
struct Changed<K: Resource<DynamicType = ()>> {
    names: Mutex<Option<HashSet<ObjectRef<K>>>>,
    // How often something has changed.
    count: AtomicU64,
}

impl<K: Resource<DynamicType = ()>> Default for Changed<K> {
    fn default() -> Self {
        Self {
            names: Mutex::new(None),
            // 0: what somebody knows who has not looked yet.
            count: AtomicU64::new(1),
        }
    }
}

impl<K: Resource<DynamicType = ()>> Changed<K> {
    fn note(&self, object: &K) {
        if let Some(changed) = &mut *lock(&self.names) {
            changed.insert(ObjectRef::from_obj(object));
        }
        self.count.fetch_add(1, Ordering::Release);
    }

    // What is told after this is again only what has changed.
    fn all(&self) {
        *lock(&self.names) = None;
        self.count.fetch_add(1, Ordering::Release);
    }
}

/// The objects of one kind.
pub struct Store<K: Resource<DynamicType = ()> + Clone + 'static> {
    watched: reflector::Store<K>,
    written: Arc<Written<K>>,
    // The newest version that the watch has told of.
    told: Arc<AtomicU64>,
    changed: Arc<Changed<K>>,
}

impl<K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static> Store<K> {
    /// The object with this name, as new as is known.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let mut key = ObjectRef::new(name);
        if !namespace.is_empty() {
            key = key.within(namespace);
        }
        self.newest(&key, self.watched.get(&key))
    }

    /// Every object, each as new as is known.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<K>> {
        let watched = self.watched.state();
        // Only these can be newer than the watch has them, and they are few.
        let ours: HashMap<String, ObjectRef<K>> = lock(&self.written)
            .iter()
            .filter_map(|(key, object)| Some((object.uid()?, key.clone())))
            .collect();
        if ours.is_empty() {
            return watched;
        }
        let newest = |object: Arc<K>| {
            let uid = object.meta().uid.as_ref();
            match uid.and_then(|uid| ours.get(uid)) {
                Some(key) => self.newest(key, Some(object)),
                None => Some(object),
            }
        };
        watched.into_iter().filter_map(newest).collect()
    }

    /// Notes an object as the API server returned it after a write.
    pub fn wrote(&self, object: K) {
        let (key, object) = (ObjectRef::from_obj(&object), Arc::new(object));
        lock(&self.written).insert(key, Arc::clone(&object));
        self.changed.note(&object);
    }

    /// The names of those that may have changed or gone since this was asked before; nothing if it may
    /// be any. There is one who asks.
    pub fn take_changed(&self) -> Option<Vec<(String, String)>> {
        let changed = lock(&self.changed.names).replace(HashSet::new())?;
        let changed = changed.into_iter();
        let names = changed.map(|key| (key.namespace.unwrap_or_default(), key.name));
        Some(names.collect())
    }

    /// How often anything has changed, at least once: who has seen the number sees the changes.
    pub fn changes(&self) -> u64 {
        self.changed.count.load(Ordering::Acquire)
    }

    // Versions of one server can be compared. What is written is forgotten once the watch has it.
    fn newest(&self, key: &ObjectRef<K>, watched: Option<Arc<K>>) -> Option<Arc<K>> {
        let mut written = lock(&self.written);
        let Some(watched) = watched else {
            let ours = written.get(key)?;
            // Made just now, and the watch is behind; or gone since.
            if version(&**ours) > self.told.load(Ordering::Acquire) {
                return Some(Arc::clone(ours));
            }
            written.remove(key);
            return None;
        };
        let Some(ours) = written.get(key) else {
            return Some(watched);
        };
        let newer = ours.meta().uid == watched.meta().uid && version(&**ours) > version(&*watched);
        if newer {
            return Some(Arc::clone(ours));
        }
        written.remove(key);
        Some(watched)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version<K: Resource>(object: &K) -> u64 {
    object
        .meta()
        .resource_version
        .as_ref()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// The objects of every kind.
pub struct Cache {
    /// Hosts.
    pub hosts: Store<Host>,
    /// StoragePools.
    pub pools: Store<StoragePool>,
    /// Networks.
    pub networks: Store<Network>,
    /// ClusterImages.
    pub cluster_images: Store<ClusterImage>,
    /// Images.
    pub images: Store<Image>,
    /// Volumes.
    pub volumes: Store<Volume>,
    /// VirtualMachines.
    pub machines: Store<VirtualMachine>,
    /// InstanceTypes.
    pub instance_types: Store<InstanceType>,
    /// Namespaces, for their labels.
    pub namespaces: Store<Namespace>,
}

impl Cache {
    /// Starts to watch everything, and waits until everything has been listed once.
    ///
    /// # Errors
    /// When a watch ends before that.
    pub async fn start(
        client: &Client,
        hints: &Hints,
    ) -> Result<Self, reflector::store::WriterDropped> {
        let cache = Self {
            hosts: watch(client, hints, |hints, o: &Host| {
                hints.hint(Key::host(&o.name_any()));
            }),
            pools: watch(client, hints, |hints, o: &StoragePool| {
                hints.hint(Key::pool(&o.name_any()));
            }),
            networks: watch(client, hints, |hints, o: &Network| {
                hints.hint(Key::network(&o.name_any()));
            }),
            cluster_images: watch(client, hints, |hints, o: &ClusterImage| {
                hints.hint(Key::image(&image_name(o)));
            }),
            images: watch(client, hints, |hints, o: &Image| {
                hints.hint(Key::image(&image_name(o)));
            }),
            volumes: watch(client, hints, |hints, o: &Volume| {
                let namespace = o.namespace().unwrap_or_default();
                hints.hint(Key::volume(&namespace, &o.name_any()));
            }),
            machines: watch(client, hints, |hints, o: &VirtualMachine| {
                hints.hint(Key::of_machine(o));
            }),
            // Any machine may name it.
            instance_types: watch(client, hints, |hints, _: &InstanceType| {
                hints.hint_everything();
            }),
            namespaces: watch(client, hints, |_, _: &Namespace| {}),
        };
        cache.hosts.watched.wait_until_ready().await?;
        cache.pools.watched.wait_until_ready().await?;
        cache.networks.watched.wait_until_ready().await?;
        cache.cluster_images.watched.wait_until_ready().await?;
        cache.images.watched.wait_until_ready().await?;
        cache.volumes.watched.wait_until_ready().await?;
        cache.machines.watched.wait_until_ready().await?;
        cache.instance_types.watched.wait_until_ready().await?;
        cache.namespaces.watched.wait_until_ready().await?;
        Ok(cache)
    }

    /// The machine that a domain stands for: that of its name, or one that has taken it over under the
    /// name that it had.
    #[must_use]
    pub fn machine_of(&self, domain: &str, uuid: Uuid) -> Option<Key> {
        let named = domain.split_once('_');
        let uuid = uuid.to_string();
        let is_its_own = |(namespace, name)| {
            let machine = self.machines.get(namespace, name);
            machine.is_some_and(|machine| {
                let known = machine.status.as_ref().and_then(|it| it.uuid.as_ref());
                known.is_none_or(|known| *known == uuid)
            })
        };
        if !named.is_some_and(is_its_own) {
            let machines = self.machines.all();
            let mut machines = machines.iter();
            if let Some(machine) = machines.find(|it| it.spec.uuid.as_ref() == Some(&uuid)) {
                return Some(Key::of_machine(machine));
            }
        }
        named.map(|(namespace, name)| Key::machine(namespace, name))
    }

    /// What the Images and ClusterImages are called.
    #[must_use]
    pub fn image_names(&self) -> Vec<ImageName> {
        let of_cluster = self.cluster_images.all().into_iter();
        let images = self.images.all().into_iter();
        let images = images.map(|image| image_name(&*image));
        of_cluster
            .map(|image| image_name(&*image))
            .chain(images)
            .collect()
    }

    /// Every object that is reconciled.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let hosts = self
            .hosts
            .all()
            .into_iter()
            .map(|o| Key::host(&o.name_any()));
        let pools = self
            .pools
            .all()
            .into_iter()
            .map(|o| Key::pool(&o.name_any()));
        let networks = self
            .networks
            .all()
            .into_iter()
            .map(|o| Key::network(&o.name_any()));
        let images = self.image_names();
        let images = images.iter().map(Key::image);
        let volumes = self
            .volumes
            .all()
            .into_iter()
            .map(|o| Key::volume(&o.namespace().unwrap_or_default(), &o.name_any()));
        let machines = self.machines.all().into_iter().map(|o| Key::of_machine(&o));
        hosts
            .chain(pools)
            .chain(networks)
            .chain(images)
            .chain(volumes)
            .chain(machines)
            .collect()
    }
}

// What an Image or a ClusterImage is called.
fn image_name(object: &impl ResourceExt) -> ImageName {
    ImageName {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

// A watch of its own for each kind: one that is slow holds up no other.
fn watch<K>(client: &Client, hints: &Hints, tell: fn(&Hints, &K)) -> Store<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Hash + Eq,
{
    let (reader, writer) = reflector::store();
    let api: Api<K> = Api::all(client.clone());
    let hints = hints.clone();
    let told = Arc::new(AtomicU64::new(0));
    let telling = Arc::clone(&told);
    let written: Arc<Written<K>> = Arc::default();
    let forgetting = Arc::clone(&written);
    let changed: Arc<Changed<K>> = Arc::default();
    let changing = Arc::clone(&changed);
    let events = listen(api)
        .default_backoff()
        .modify(|object| object.meta_mut().managed_fields = None);
    let stream = reflector::reflector(writer, events).inspect_err(|error| {
        tracing::warn!(kind = %K::kind(&()), %error, "the watch failed and is tried again");
    });
    tokio::spawn(async move {
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            match event {
                Ok(
                    watcher::Event::Apply(object)
                    | watcher::Event::InitApply(object)
                    | watcher::Event::Delete(object),
                ) => {
                    telling.fetch_max(version(&object), Ordering::AcqRel);
                    changing.note(&object);
                    tell(&hints, &object);
                }
                // After a relist anything may have gone.
                Ok(watcher::Event::InitDone) => {
                    lock(&forgetting).clear();
                    changing.all();
                    hints.hint_everything();
                }
                Ok(watcher::Event::Init) | Err(_) => {}
            }
        }
    });
    Store {
        watched: reader,
        written,
        told,
        changed,
    }
}

// All that a watch tells. One that is refused because it would go on from too long ago begins anew,
// with a list: kube's would ask for the same for ever.
fn listen<K>(api: Api<K>) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let begin = move || watcher(api.clone(), watcher::Config::default().page_size(500)).boxed();
    stream::unfold((begin(), begin), |(mut events, begin)| async move {
        let event = events.next().await?;
        if event.as_ref().is_err_and(is_too_late) {
            events = begin();
        }
        Some((event, (events, begin)))
    })
}

fn is_too_late(error: &watcher::Error) -> bool {
    use kube::Error::Api;
    matches!(error, watcher::Error::WatchStartFailed(Api(status)) if status.code == 410)
}
