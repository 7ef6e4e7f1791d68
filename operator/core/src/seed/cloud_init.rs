//! What cloud-init is given, as it looks for it.

use drover_crds::common::SecretKeyRef;
use drover_crds::virtual_machine::{CloudInit, Datasource};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::given::checked;
use super::{Layout, Sealed, Secrets, Unfit, short};
use crate::desired::machine::DesiredMachine;

// cloud-init wants user data, though it may say nothing.
const NO_USER_DATA: &str = "#cloud-config\n";

// What is declared, whole.
struct Data {
    user: Sealed,
    network: Option<Sealed>,
    vendor: Option<Sealed>,
    keys: Vec<String>,
}

pub(super) fn files(
    machine: &DesiredMachine,
    declared: &CloudInit,
    secrets: &Secrets,
) -> Result<(Layout, Vec<(String, Sealed)>), Unfit> {
    let data = Data::gather(declared, secrets)?;
    let hostname = declared.hostname.as_ref().unwrap_or(&machine.name);
    let instance = data.instance(machine, hostname, declared.rerun_on_change);
    match declared.datasource {
        Datasource::NoCloud => Ok((Layout::Fat("cidata"), data.no_cloud(&instance, hostname))),
        Datasource::ConfigDrive => {
            let files = data.config_drive(&instance, hostname)?;
            Ok((Layout::Fat("config-2"), files))
        }
    }
}

impl Data {
    fn gather(declared: &CloudInit, secrets: &Secrets) -> Result<Self, Unfit> {
        let text = |field: &str, inline: &Option<String>, key: &Option<SecretKeyRef>| {
            let field = format!("spec.cloudInit.{field}");
            match (inline, key) {
                (Some(text), _) => {
                    let text = Sealed::from(text.as_str());
                    checked(&field, "it", &text).map(|()| Some(text))
                }
                (None, Some(key)) => secrets.key(&format!("{field}SecretRef"), key).map(Some),
                (None, None) => Ok(None),
            }
        };
        let it = declared;
        let keys = it.ssh_keys_secret_ref.as_ref();
        let keys = keys.map(|keys| secrets.lines("spec.cloudInit.sshKeysSecretRef", &keys.name));
        let user = text("userData", &it.user_data, &it.user_data_secret_ref)?;
        Ok(Self {
            user: user.unwrap_or_else(|| NO_USER_DATA.into()),
            network: text("networkData", &it.network_data, &it.network_data_secret_ref)?,
            vendor: text("vendorData", &it.vendor_data, &it.vendor_data_secret_ref)?,
            keys: keys.transpose()?.unwrap_or_default(),
        })
    }

    // One that cloud-init has not seen makes it do everything anew.
    fn instance(&self, machine: &DesiredMachine, hostname: &str, with_content: bool) -> String {
        let uuid = machine.uuid;
        if !with_content {
            return uuid.to_string();
        }
        let mut hash = Sha256::new_with_prefix(uuid.as_bytes());
        let texts = [
            Some(&self.user),
            self.network.as_ref(),
            self.vendor.as_ref(),
        ];
        let texts = texts.map(|text| text.map(Sealed::open));
        let others = [Some(hostname.as_bytes())];
        let keys = self.keys.iter().map(|key| Some(key.as_bytes()));
        for part in texts.into_iter().chain(others).chain(keys) {
            hash.update(
                part.map_or(u64::MAX, |part| part.len() as u64)
                    .to_be_bytes(),
            );
            hash.update(part.unwrap_or_default());
        }
        format!("{uuid}-{}", short(hash))
    }

    // JSON is YAML.
    fn no_cloud(self, instance: &str, hostname: &str) -> Vec<(String, Sealed)> {
        let mut meta = json!({"instance-id": instance, "local-hostname": hostname});
        if !self.keys.is_empty() {
            meta["public-keys"] = self.keys.into();
        }
        let mut files = vec![
            ("meta-data".to_owned(), sealed(&meta)),
            ("user-data".to_owned(), self.user),
        ];
        files.extend(self.network.map(|text| ("network-config".to_owned(), text)));
        files.extend(self.vendor.map(|text| ("vendor-data".to_owned(), text)));
        files
    }

    fn config_drive(self, instance: &str, hostname: &str) -> Result<Vec<(String, Sealed)>, Unfit> {
        let path = |name: &str| format!("openstack/latest/{name}");
        let mut meta = json!({"uuid": instance, "hostname": hostname, "name": hostname});
        if !self.keys.is_empty() {
            let keys = self.keys.into_iter().enumerate();
            let keys = keys.map(|(index, key)| (format!("key-{index}"), Value::String(key)));
            meta["public_keys"] = Value::Object(keys.collect());
        }
        let mut files = vec![
            (path("meta_data.json"), sealed(&meta)),
            (path("user_data"), self.user),
        ];
        if let Some(network) = self.network {
            if !is_json(&network) {
                let words = "datasource ConfigDrive takes OpenStack's network_data.json, and this is not JSON";
                return Err(Unfit::refused("spec.cloudInit.networkData", words));
            }
            files.push((path("network_data.json"), network));
        }
        if let Some(vendor) = self.vendor {
            // A text has to be wrapped there.
            let vendor = match is_json(&vendor) {
                true => vendor,
                false => sealed(&json!({"cloud-init": String::from_utf8_lossy(vendor.open())})),
            };
            files.push((path("vendor_data.json"), vendor));
        }
        Ok(files)
    }
}

fn sealed(json: &Value) -> Sealed {
    format!("{json}\n").into()
}

fn is_json(text: &Sealed) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text.open()).is_ok()
}
