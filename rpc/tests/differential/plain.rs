//! Answers in the words that both sides can say.

use drover_rpc::proto::remote::{
    Domain, DomainCheckpoint, DomainSnapshot, Interface, Network, NetworkPort, NodeDevice,
    Nwfilter, NwfilterBinding, Secret, StoragePool, StorageVol, TypedParam, TypedParamValue,
};
use drover_rpc::{Download, Text, TypedParams};
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt;

/// What has a plain form, the same as the one that `peer.py` gives it.
pub(crate) trait Plain {
    fn plain(self) -> Value;
}

impl Plain for Value {
    fn plain(self) -> Value {
        self
    }
}

impl Plain for Map<String, Value> {
    fn plain(self) -> Value {
        Value::Object(self)
    }
}

impl Plain for () {
    fn plain(self) -> Value {
        Value::Null
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Plain for $number {
            fn plain(self) -> Value {
                json!(self)
            }
        }
    )*};
}

numbers!(u8, i8, u16, i32, u32, i64, u64, f64, String);

impl Plain for Text {
    fn plain(self) -> Value {
        json!(self.to_string())
    }
}

impl<T: Plain> Plain for Option<T> {
    fn plain(self) -> Value {
        self.map_or(Value::Null, Plain::plain)
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn plain(self) -> Value {
        self.into_iter().map(Plain::plain).collect()
    }
}

impl Plain for TypedParamValue {
    fn plain(self) -> Value {
        match self {
            Self::Int(value) | Self::Boolean(value) => json!(value),
            Self::Uint(value) => json!(value),
            Self::Llong(value) => json!(value),
            Self::Ullong(value) => json!(value),
            Self::Double(value) => json!(value),
            Self::String(value) => value.plain(),
        }
    }
}

impl Plain for TypedParams {
    fn plain(self) -> Value {
        params(self.into_wire())
    }
}

/// Typed parameters as Python has them: a dictionary.
pub(crate) fn params(params: Vec<TypedParam>) -> Value {
    let pairs = params.into_iter();
    let map: Map<String, Value> = pairs
        .map(|param| (param.field.to_string(), param.value.plain()))
        .collect();
    Value::Object(map)
}

/// All bytes of a stream that the server sends.
pub(crate) async fn all_of(stream: &mut Download) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn uuid(bytes: [u8; 16]) -> String {
    let hex = hex(&bytes);
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// C's characters up to the NUL.
pub(crate) fn characters(chars: &[i8]) -> String {
    let bytes = chars.iter().map(|char| char.cast_unsigned());
    let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    String::from_utf8(bytes).unwrap()
}

impl Plain for Domain {
    fn plain(self) -> Value {
        json!(["domain", self.name.plain(), uuid(self.uuid), self.id])
    }
}

impl Plain for Network {
    fn plain(self) -> Value {
        json!(["network", self.name.plain(), uuid(self.uuid)])
    }
}

impl Plain for StoragePool {
    fn plain(self) -> Value {
        json!(["pool", self.name.plain(), uuid(self.uuid)])
    }
}

impl Plain for StorageVol {
    fn plain(self) -> Value {
        json!(["volume", self.name.plain(), self.key.plain()])
    }
}

impl Plain for Interface {
    fn plain(self) -> Value {
        json!(["interface", self.name.plain(), self.mac.plain()])
    }
}

impl Plain for NodeDevice {
    fn plain(self) -> Value {
        json!(["device", self.name.plain()])
    }
}

impl Plain for Nwfilter {
    fn plain(self) -> Value {
        json!(["filter", self.name.plain(), uuid(self.uuid)])
    }
}

impl Plain for NwfilterBinding {
    fn plain(self) -> Value {
        json!(["binding", self.portdev.plain(), self.filtername.plain()])
    }
}

impl Plain for Secret {
    fn plain(self) -> Value {
        json!([
            "secret",
            uuid(self.uuid),
            self.usage_type,
            self.usage_id.plain()
        ])
    }
}

impl Plain for DomainSnapshot {
    fn plain(self) -> Value {
        json!(["snapshot", self.name.plain()])
    }
}

impl Plain for DomainCheckpoint {
    fn plain(self) -> Value {
        json!(["checkpoint", self.name.plain()])
    }
}

impl Plain for NetworkPort {
    fn plain(self) -> Value {
        json!(["port", uuid(self.uuid)])
    }
}
