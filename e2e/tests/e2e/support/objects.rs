//! Objects that tests make, and what they read of them.

use drover_e2e::{Lab, guest};
use serde_json::Value;

/// A machine to be applied. Without disks and interfaces it runs QEMU and nothing in it, which is
/// enough where no guest is needed.
#[derive(Clone)]
pub(crate) struct Guest {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) memory: String,
    pub(crate) strategy: String,
    pub(crate) host: Option<String>,
    pub(crate) disks: Vec<String>,
    pub(crate) grace: u32,
    pub(crate) annotations: String,
    pub(crate) labels: String,
    pub(crate) more: String,
}

impl Guest {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            memory: "64Mi".to_owned(),
            strategy: "Always".to_owned(),
            host: None,
            disks: Vec::new(),
            // Nothing is in it that could hear a request to shut down.
            grace: 0,
            annotations: String::new(),
            labels: String::new(),
            more: String::new(),
        }
    }

    /// With the lab's small guest on its disk.
    pub(crate) fn booting(lab: &Lab, namespace: &str, name: &str) -> Self {
        let sum = guest::checksum(&guest::image(lab).unwrap()).unwrap();
        let disk = format!(
            "{{name: root, volumeTemplate: {{pool: first, capacity: 64Mi, source: {{http: {{url: \
             \"http://10.77.0.1:8088/guest.qcow2\", checksum: \"sha256:{sum}\"}}}}}}}}"
        );
        Self::new(namespace, name).memory("128Mi").disk(disk)
    }

    pub(crate) fn on(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub(crate) fn memory(mut self, memory: &str) -> Self {
        memory.clone_into(&mut self.memory);
        self
    }

    pub(crate) fn strategy(mut self, strategy: &str) -> Self {
        strategy.clone_into(&mut self.strategy);
        self
    }

    /// With a blank disk of that name in the pool.
    pub(crate) fn blank(self, name: &str, pool: &str) -> Self {
        self.disk(format!(
            "{{name: {name}, volumeTemplate: {{pool: {pool}, capacity: 8Mi}}}}"
        ))
    }

    pub(crate) fn disk(mut self, disk: String) -> Self {
        self.disks.push(disk);
        self
    }

    /// With more lines of its spec.
    pub(crate) fn more(mut self, lines: &str) -> Self {
        for line in lines.lines() {
            self.more.push_str(&format!("  {}\n", line.trim_end()));
        }
        self
    }

    /// With an annotation of Drover's.
    pub(crate) fn annotated(mut self, name: &str, value: &str) -> Self {
        self.annotations
            .push_str(&format!("drover.dev/{name}: \"{value}\", "));
        self
    }

    /// With a label.
    pub(crate) fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.push_str(&format!("{key}: \"{value}\", "));
        self
    }

    pub(crate) fn domain(&self) -> String {
        format!("{}_{}", self.namespace, self.name)
    }

    pub(crate) fn yaml(&self) -> String {
        let placement = self
            .host
            .as_ref()
            .map(|host| format!("\n  placement: {{host: {host}}}"));
        let cpu = match self.more.contains("cpu:") {
            true => "",
            false => "  cpu: {cores: 1}\n",
        };
        let memory = match self.memory.starts_with('{') {
            true => self.memory.clone(),
            false => format!("{{guest: {}}}", self.memory),
        };
        format!(
            "apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {{name: {}, namespace: {}, labels: {{{}}}, annotations: {{{}}}}}
spec:
  runStrategy: {}
{}  memory: {}
  machine: {{type: q35}}
  terminationGracePeriodSeconds: {}
  disks: [{}]{}
{}",
            self.name,
            self.namespace,
            self.labels,
            self.annotations,
            self.strategy,
            cpu,
            memory,
            self.grace,
            self.disks.join(", "),
            placement.unwrap_or_default(),
            self.more
        )
    }
}

/// A machine that takes over the domain of this UUID, and leaves it when it goes.
pub(crate) fn taken(space: &str, uuid: &str) -> String {
    format!(
        "apiVersion: drover.dev/v1alpha1
kind: VirtualMachine
metadata: {{name: taken, namespace: {space}}}
spec:
  memory: {{guest: 64Mi}}
  devices: {{rng: false, agentChannel: false, panic: false}}
  deletionPolicy: Orphan
  uuid: {uuid}
"
    )
}

pub(crate) fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == type_)
}

fn of_ready<'a>(object: &'a Value, field: &str) -> &'a str {
    condition(object, "Ready")
        .and_then(|ready| ready[field].as_str())
        .unwrap_or_default()
}

/// The reason of `Ready`.
pub(crate) fn reason(object: &Value) -> &str {
    of_ready(object, "reason")
}

/// The message of `Ready`.
pub(crate) fn message(object: &Value) -> &str {
    of_ready(object, "message")
}

/// Whether it is Ready, as of the spec that it has now.
pub(crate) fn ready(object: &Value) -> bool {
    of_ready(object, "status") == "True"
        && object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// The state that libvirt has for it.
pub(crate) fn state(object: &Value) -> &str {
    object["status"]["state"].as_str().unwrap_or_default()
}
