//! Secrets.

use std::borrow::Cow;

use drover_rpc_proto::remote;
use uuid::Uuid;

use crate::enums::SecretUsageType;
use crate::flags::{ConnectListAllSecretsFlags, SecretDefineFlags};
use crate::objects::handle::{calls, client_calls, object};

object! {
    /// A secret that libvirt keeps, such as a disk's passphrase (`virSecret`).
    Secret(Secret) key remote::Secret = |secret| secret.wire.clone();
    shown |secret| secret.uuid().to_string().into()
}

impl Secret {
    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.wire.uuid)
    }

    /// What it is for.
    #[must_use]
    pub fn usage_type(&self) -> SecretUsageType {
        SecretUsageType(self.wire.usage_type)
    }

    /// Whom it is for, such as the path of a volume.
    #[must_use]
    pub fn usage_id(&self) -> Cow<'_, str> {
        self.wire.usage_id.to_string_lossy()
    }
}

calls! {
    Secret;

    /// Its XML, without its value.
    virSecretGetXMLDesc: xml() -> String = secret_get_xml_desc(0);

    /// Its value. Of a private one libvirt does not tell it.
    virSecretGetValue: value() -> Vec<u8> = secret_get_value(0);

    /// Sets its value.
    virSecretSetValue: set_value(value: &[u8]) -> () = secret_set_value(value.to_vec(), 0);

    /// Takes it away with its value.
    virSecretUndefine: undefine() -> () = secret_undefine();
}

client_calls! {
    /// The secrets, of which the flags choose.
    virConnectListAllSecrets: secrets(flags: ConnectListAllSecretsFlags) -> Vec<Secret>
        = connect_list_all_secrets(1, flags.bits()).secrets;

    /// The secret with this UUID.
    virSecretLookupByUUID: secret_by_uuid(uuid: Uuid) -> Secret
        = secret_lookup_by_uuid(uuid.into_bytes());

    /// The secret for this use.
    virSecretLookupByUsage: secret(usage: SecretUsageType, id: &str) -> Secret
        = secret_lookup_by_usage(usage.0, id);

    /// Defines a secret, or changes it. It has no value yet.
    virSecretDefineXML: define_secret(xml: &str, flags: SecretDefineFlags) -> Secret
        = secret_define_xml(xml, flags.bits());
}
