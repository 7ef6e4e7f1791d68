//! Typed parameters: read from any bytes, looked at in every way, and sent as they came.

use drover_rpc_proto::remote::{TypedParam, TypedParamValue};
use drover_xdr::{Decoder, Encoder};

use crate::client::typed::TypedParams;

/// The most that a call takes.
const MOST: usize = 2048;

/// All of it is a list of parameters.
pub fn run(data: &[u8]) {
    let mut input = Decoder::new(data);
    let Ok(wire) = input.list::<TypedParam>(MOST) else {
        return;
    };
    let params = TypedParams::from(wire.clone());
    assert_eq!(params.len(), wire.len());
    // A name that is not UTF-8 is shown as another, which may be there too.
    if wire.iter().all(|param| param.field.as_str().is_some()) {
        look_up(&params);
    }
    assert!(params.is_empty() || params.to_string().contains('='));
    let (mut before, mut after) = (Encoder::default(), Encoder::default());
    let same = before.list(&wire, MOST) == after.list(&params.into_wire(), MOST);
    assert!(same && before.into_bytes() == after.into_bytes());
}

fn look_up(params: &TypedParams) {
    let map = params.to_map();
    for (name, value) in params.iter() {
        let first = params.get(&name);
        assert_eq!(map.get(&*name).and_then(bits), first.and_then(bits));
        assert!(params.all(&name).any(|other| bits(other) == bits(value)));
        if let (Some(unsigned), Some(signed)) = (params.u64(&name), params.i64(&name)) {
            assert_eq!(i64::try_from(unsigned).ok(), Some(signed));
        }
        let is_text = matches!(first, Some(TypedParamValue::String(_)));
        assert_eq!(params.str(&name).is_some(), is_text);
        assert!(!(is_text && params.f64(&name).is_some()));
    }
}

// As it is on the wire: a number that is none is not equal to itself.
fn bits(value: &TypedParamValue) -> Option<Vec<u8>> {
    drover_xdr::to_bytes(value).ok()
}
