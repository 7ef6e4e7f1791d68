//! The lab as a test sees it, and how a test waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use drover_e2e::command::{run_with_input, tail};
use drover_e2e::control_plane::{self, kubectl_command};
use drover_e2e::hosts::{self, Host, network, power, record};
use drover_e2e::{Lab, guest, image_server, objects, operator, process, wait};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::objects::{ready, reason};

/// How long anything may take. Long, because the machine may be busy; a test that waits for it has
/// failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A lab that is whole.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) runtime: Runtime,
    client: kube::Client,
}

impl World {
    /// Mends what an earlier test may have left, and waits for the example's machine.
    ///
    /// # Panics
    /// Where it cannot be mended; at once, where that was so in the three tests before.
    pub(crate) fn new() -> Self {
        let _mending = Mending::begin();
        let lab = Lab::find().unwrap();
        assert!(
            process::running(&lab, "etcd").is_some(),
            "the lab is down: cargo lab up"
        );
        control_plane::start_api_server(&lab).unwrap();
        for host in record::all(&lab).unwrap() {
            whole(&lab, &host);
            objects::host(&lab, &host).unwrap();
        }
        serve_images(&lab);
        operator::start(&lab).unwrap();
        objects::first_machine(&lab).unwrap();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(lab.kubeconfig()).unwrap();
            let options = KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(file, &options).await;
            kube::Client::try_from(config.unwrap()).unwrap()
        });
        let world = Self {
            lab,
            runtime,
            client,
        };
        world.sweep();
        world
    }

    // What a test that failed has left would be in the way of all that come after it.
    fn sweep(&self) {
        let names = |plural: &str, field: &str| -> BTreeSet<String> {
            let list = self.get_path(&format!("/apis/drover.dev/v1alpha1/{plural}"));
            let items = list.map(|list| list["items"].clone()).unwrap_or_default();
            let names = items.as_array().into_iter().flatten();
            let names = names.filter_map(|item| item["metadata"][field].as_str());
            let ours = names.filter(|name| name.starts_with("e2e-"));
            ours.map(str::to_owned).collect()
        };
        let hosts = names("hosts", "name");
        // A machine that has no place yet waits for every host that could hold it.
        let delete = |host: &str, wait: &str| {
            let words = [
                "delete",
                "hosts.drover.dev",
                host,
                "--ignore-not-found",
                wait,
            ];
            self.kubectl(&words);
        };
        hosts.iter().for_each(|host| delete(host, "--wait=false"));
        let mut spaces = names("virtualmachines", "namespace");
        spaces.append(&mut names("volumes", "namespace"));
        for space in &spaces {
            self.remove_space(space);
        }
        hosts.iter().for_each(|host| delete(host, "--timeout=60s"));
    }

    /// Serves the lab's images again, if nobody does.
    pub(crate) fn serve_images(&self) {
        serve_images(&self.lab);
    }

    pub(crate) fn host(&self, name: &str) -> Host {
        record::named(&self.lab, name).unwrap()
    }

    /// What virsh prints on a host; libvirtd may have died by itself, and comes again.
    pub(crate) fn virsh(&self, host: &str, words: &[&str]) -> String {
        let host = self.host(host);
        let down = "failed to connect to the hypervisor";
        let printed = self.until(|| match hosts::virsh(&self.lab, &host, words) {
            Err(error) if error.to_string().contains(down) => None,
            result => Some(result.unwrap()),
        });
        printed.unwrap_or_else(|| self.fail(&format!("libvirtd of {} is down", host.name)))
    }

    /// What a host's shell prints.
    pub(crate) fn shell(&self, host: &str, words: &str) -> String {
        hosts::run_in(&self.lab, &self.host(host), &["sh", "-c", words]).unwrap()
    }

    /// The names of all domains of all hosts that are on.
    pub(crate) fn domains(&self, prefix: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for host in record::all(&self.lab).unwrap() {
            for name in self
                .virsh(&host.name, &["list", "--all", "--name"])
                .lines()
                .filter(|line| line.starts_with(prefix))
            {
                all.push((host.name.clone(), name.trim().to_owned()));
            }
        }
        all
    }

    /// The libvirt id of a running domain: another one after every start.
    pub(crate) fn domain_id(&self, host: &str, domain: &str) -> String {
        self.virsh(host, &["domid", domain]).trim().to_owned()
    }

    pub(crate) fn kubectl(&self, words: &[&str]) -> String {
        control_plane::kubectl(&self.lab, words).unwrap()
    }

    /// kubectl with an input; what it printed, or what it said when it failed.
    pub(crate) fn try_kubectl(&self, words: &[&str], input: &str) -> Result<String, String> {
        let mut command = kubectl_command(&self.lab, words);
        run_with_input(&mut command, input.as_bytes()).map_err(|error| error.to_string())
    }

    pub(crate) fn apply(&self, text: &str) {
        objects::apply(&self.lab, text).unwrap();
    }

    /// An object, by the plural of its kind.
    pub(crate) fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let place = if namespace.is_empty() {
            String::new()
        } else {
            format!("namespaces/{namespace}/")
        };
        self.get_path(&format!("/apis/drover.dev/v1alpha1/{place}{plural}/{name}"))
    }

    /// What the API server has at a path.
    pub(crate) fn get_path(&self, path: &str) -> Option<Value> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        match self.runtime.block_on(self.client.request(request)) {
            Ok(value) => Some(value),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    pub(crate) fn machine(&self, namespace: &str, name: &str) -> Option<Value> {
        self.get("virtualmachines", namespace, name)
    }

    /// Waits until an object is as wanted.
    pub(crate) fn wait(
        &self,
        object: (&str, &str, &str),
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        let (plural, namespace, name) = object;
        let mut last = None;
        let found = self.until(|| {
            last = self.get(plural, namespace, name);
            last.clone().filter(&is)
        });
        found.unwrap_or_else(|| {
            let status = last.map(|object| object["status"].clone());
            self.fail(&format!(
                "{plural} {namespace}/{name} is not {what}: {status:#?}"
            ))
        })
    }

    /// Waits until a machine is as wanted.
    pub(crate) fn machine_is(
        &self,
        namespace: &str,
        name: &str,
        what: &str,
        is: impl Fn(&Value) -> bool,
    ) -> Value {
        self.wait(("virtualmachines", namespace, name), what, is)
    }

    /// Waits until a machine runs as declared, with nothing left to do.
    pub(crate) fn is_running(&self, namespace: &str, name: &str) {
        self.machine_is(namespace, name, "Running", |machine| {
            ready(machine) && reason(machine) == "Running" && machine["status"]["plan"].is_null()
        });
    }

    /// Says whose machines may take over what is on a host.
    pub(crate) fn adoption(&self, host: &str, value: &str) {
        let patch = format!("{{\"spec\":{{\"adoption\":{value}}}}}");
        self.kubectl(&["patch", "vhost", host, "--type=merge", "-p", &patch]);
    }

    /// Waits for something else.
    pub(crate) fn wait_for(&self, what: &str, is: impl Fn() -> bool) {
        if self.until(|| is().then_some(())).is_none() {
            self.fail(&format!("not so: {what}"));
        }
    }

    fn until<T>(&self, mut check: impl FnMut() -> Option<T>) -> Option<T> {
        let start = Instant::now();
        loop {
            if let Some(found) = check() {
                return Some(found);
            }
            if start.elapsed() > LIMIT {
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Fails the test with the end of the operator's log.
    pub(crate) fn fail(&self, message: &str) -> ! {
        panic!("{message}{}", tail(&self.lab.log(operator::NAME)))
    }

    /// A namespace with nothing in it.
    pub(crate) fn space(&self, name: &str) {
        self.remove_space(name);
        self.apply(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
        ));
    }

    /// Deletes all that tests make in a namespace, and looks whether anything of it is left on a host. The
    /// namespace stays: a cluster takes 5 s to begin removing one, and 14 s where it had to wait for
    /// finalizers.
    pub(crate) fn remove_space(&self, name: &str) {
        if self
            .get_path(&format!("/api/v1/namespaces/{name}"))
            .is_some()
        {
            let kinds = "vm,volumes.drover.dev,images.drover.dev,secrets,roles,rolebindings";
            self.kubectl(&["delete", kinds, "--all", "-n", name, "--timeout=120s"]);
        }
        let left = self.domains(&format!("{name}_"));
        assert!(left.is_empty(), "left on the hosts: {left:?}");
    }

    /// Deletes what was applied and waits until it is gone.
    pub(crate) fn delete(&self, text: &str) {
        let words = ["delete", "--timeout=120s", "--ignore-not-found", "-f", "-"];
        if let Err(error) = self.try_kubectl(&words, text) {
            self.fail(&error);
        }
    }

    /// The files in the example's pool on a host.
    pub(crate) fn pool_files(&self, host: &str) -> Vec<String> {
        let folder = self
            .host(host)
            .root(&self.lab)
            .join("var/lib/libvirt/drover-first");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

// Each test that waits in vain for a lab that is past mending takes minutes, and there are many tests.
struct Mending;

static FAILED: AtomicUsize = AtomicUsize::new(0);

impl Mending {
    fn begin() -> Self {
        let failed = FAILED.load(Ordering::Relaxed);
        assert!(
            failed < 3,
            "the lab could not be mended for {failed} tests before this one, which say why"
        );
        Self
    }
}

impl Drop for Mending {
    fn drop(&mut self) {
        match std::thread::panicking() {
            true => FAILED.fetch_add(1, Ordering::Relaxed),
            false => FAILED.swap(0, Ordering::Relaxed),
        };
    }
}

/// Starts the operator as one that takes up its own lease at once, with this kubeconfig.
pub(crate) fn start_operator_at(lab: &Lab, kubeconfig: &std::path::Path) {
    let mut command = operator::command(lab);
    command
        .env("KUBECONFIG", kubeconfig)
        .env("DROVER_IDENTITY", "tests");
    process::start(lab, operator::NAME, &command).unwrap();
    let place = drover_e2e::places::OPERATOR_LISTEN;
    wait::until_listening(lab, place, operator::NAME).unwrap();
}

fn serve_images(lab: &Lab) {
    let folder = guest::image(lab).unwrap();
    image_server::start(lab, &lab.built("lab"), &folder).unwrap();
}

// On, its cable in, its libvirt listening.
fn whole(lab: &Lab, host: &Host) {
    power::on(lab, host).unwrap();
    power::thaw(lab, host);
    network::heal(host).unwrap();
}
