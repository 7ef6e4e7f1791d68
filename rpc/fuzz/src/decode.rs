//! Every generated type: no bytes harm the decoder, and what it reads is the same after encoding.

use drover_xdr::{Decode, Encode, from_bytes, to_bytes};

/// How much memory may be taken for each byte that is there: the widest struct for its shortest
/// form on the wire, twice over for lists that are collected.
const PER_BYTE: u64 = 64;
/// And what an error may take, which names the fields on its way.
const FOR_ERRORS: u64 = 16 << 10;

/// A generated type.
#[derive(Debug)]
pub struct Type {
    /// Its path.
    pub name: &'static str,
    try_with: fn(&[u8]) -> bool,
}

impl Type {
    const fn of<T: Encode + Decode + PartialEq>(name: &'static str) -> Self {
        Self {
            name,
            try_with: round_trip::<T>,
        }
    }

    /// Whether the bytes are a value of this type.
    #[must_use]
    pub fn try_with(&self, bytes: &[u8]) -> bool {
        (self.try_with)(bytes)
    }
}

/// All of them.
pub static TYPES: &[Type] = include!(concat!(env!("OUT_DIR"), "/types.rs"));

/// Two bytes choose the type, one says how the rest is taken.
pub fn run(data: &[u8]) {
    let Some(([high, low, how], body)) = data.split_first_chunk::<3>() else {
        return;
    };
    let index = usize::from(u16::from_be_bytes([*high, *low])) % TYPES.len();
    match how & 1 {
        0 => TYPES[index].try_with(body),
        _ => TYPES[index].try_with(&tame(body)),
    };
}

/// Words that are likely to be counts and flags of something: any word below half of all is brought
/// down to 0 to 3.
#[must_use]
pub fn tame(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for word in bytes.chunks_exact_mut(4).filter(|word| word[0] < 0x80) {
        word.copy_from_slice(&[0, 0, 0, word[3] & 3]);
    }
    bytes
}

fn round_trip<T: Encode + Decode + PartialEq>(bytes: &[u8]) -> bool {
    let mut decoded = None;
    let taken = allocation_counter::measure(|| decoded = Some(from_bytes::<T>(bytes)));
    let allowed = FOR_ERRORS + PER_BYTE * bytes.len() as u64;
    assert!(
        taken.bytes_max <= allowed,
        "{} bytes of memory for {}",
        taken.bytes_max,
        bytes.len()
    );
    let Some(Ok(value)) = decoded else {
        return false;
    };
    // A string with a NUL can come, and is not sent.
    let Ok(encoded) = to_bytes(&value) else {
        return true;
    };
    let again = from_bytes::<T>(&encoded);
    // A number that is none is not equal to itself; its bytes are.
    let same = again.is_ok_and(|again| to_bytes(&again) == Ok(encoded.clone()));
    assert!(same, "{encoded:02x?} is not read back");
    true
}
