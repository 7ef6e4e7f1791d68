mod quadruple;

use proptest::prelude::*;

use crate::{
    Decode, Decoder, Encode, Encoder, Error, Limits, Mode, Problem, Text, from_bytes,
    from_bytes_within, to_bytes,
};

fn strict<T: Decode>(bytes: &[u8]) -> Result<T, Error> {
    let limits = Limits {
        mode: Mode::Strict,
        ..Limits::default()
    };
    from_bytes_within(bytes, limits)
}

/// A list in the way RFC 4506 writes one: each element has the next as optional data.
#[derive(Debug, Clone, PartialEq)]
struct Chain {
    next: Option<Box<Chain>>,
}

impl Encode for Chain {
    fn encode(&self, out: &mut Encoder) -> Result<(), Error> {
        self.next.encode(out)
    }
}

impl Decode for Chain {
    const MIN_SIZE: usize = 4;

    fn decode(input: &mut Decoder<'_>) -> Result<Self, Error> {
        Ok(Self {
            next: Option::decode(input).map_err(|error| error.within("next"))?,
        })
    }
}

#[test]
fn golden_words() {
    assert_eq!(to_bytes(&-2_i32), Ok(vec![0xff, 0xff, 0xff, 0xfe]));
    assert_eq!(to_bytes(&1_u64), Ok(vec![0, 0, 0, 0, 0, 0, 0, 1]));
    assert_eq!(to_bytes(&1.0_f32), Ok(vec![0x3f, 0x80, 0, 0]));
    assert_eq!(to_bytes(&Some(true)), Ok(vec![0, 0, 0, 1, 0, 0, 0, 1]));
    assert_eq!(to_bytes(&None::<bool>), Ok(vec![0; 4]));
}

#[test]
fn char_and_short_take_four_bytes_and_keep_their_low_bits() {
    assert_eq!(to_bytes(&-1_i8), Ok(vec![0xff; 4]));
    assert_eq!(to_bytes(&0xff_u8), Ok(vec![0, 0, 0, 0xff]));
    assert_eq!(from_bytes(&[1, 2, 3, 0xff]), Ok(-1_i8));
    assert_eq!(from_bytes(&[1, 2, 0x12, 0x34]), Ok(0x1234_u16));
}

#[test]
fn a_string_is_padded_and_bounded() {
    assert_eq!(
        to_bytes(&Text::from("abcde")),
        Ok(b"\0\0\0\x05abcde\0\0\0".to_vec())
    );
    let mut out = Encoder::default();
    let error = Text::from("abcde").encode_bounded(&mut out, 4).unwrap_err();
    assert_eq!(
        error.problem(),
        &Problem::TooLong {
            length: 5,
            bound: 4
        }
    );
    let error = to_bytes(&Text::from("a\0b")).unwrap_err();
    assert_eq!(error.problem(), &Problem::Nul(1));
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let text: Text = from_bytes(b"\0\0\0\x02\xff\xfe\0\0").unwrap();
    assert_eq!(text.as_bytes(), b"\xff\xfe");
    assert_eq!(text.as_str(), None);
    assert_eq!(text.to_string(), "\u{fffd}\u{fffd}");
}

#[test]
fn a_count_is_held_against_the_bytes_before_memory_is_taken() {
    let mut input = Decoder::new(&[0x00, 0x10, 0, 0, 0, 0, 0, 0]);
    let error = input.list::<u64>(usize::MAX).unwrap_err();
    assert_eq!(
        error.problem(),
        &Problem::Short {
            needed: 8 << 20,
            left: 4
        }
    );
    let mut input = Decoder::new(&[0, 0, 0, 3, 0, 0, 0, 0]);
    let error = input.list::<u32>(2).unwrap_err();
    assert_eq!(
        error.problem(),
        &Problem::TooLong {
            length: 3,
            bound: 2
        }
    );
}

#[test]
fn elements_without_a_size_are_bounded_too() {
    let limits = Limits {
        allocation: 1_000,
        ..Limits::default()
    };
    let mut input = Decoder::with_limits(&[0, 0, 0x10, 0], limits);
    let error = input.list::<()>(usize::MAX).unwrap_err();
    assert_eq!(error.problem(), &Problem::TooMuch(1_000));
}

#[test]
fn nesting_is_bounded() {
    let bytes: Vec<u8> = (0..200).flat_map(|_| [0, 0, 0, 1]).collect();
    let error = from_bytes::<Chain>(&bytes).unwrap_err();
    assert_eq!(error.problem(), &Problem::TooDeep(64));
    let chain = Chain {
        next: Some(Box::new(Chain { next: None })),
    };
    assert_eq!(from_bytes(&to_bytes(&chain).unwrap()), Ok(chain));
}

#[test]
fn an_error_names_the_field() {
    let error = from_bytes::<Chain>(&[0, 0, 0, 1, 0]).unwrap_err();
    assert_eq!(error.path(), "next.next");
    assert_eq!(
        error.to_string(),
        "next.next: 4 bytes are needed and 1 are left"
    );
}

#[test]
fn a_list_that_nests_on_the_wire_is_bounded_by_its_length_alone() {
    let bytes: Vec<u8> = (0..200)
        .flat_map(|i| [0, 0, 0, 1, 0, 0, 0, i])
        .chain([0; 4])
        .collect();
    let list = |limits| Decoder::with_limits(&bytes, limits).chain_with(u32::decode);
    let all: Vec<u32> = (0..200).collect();
    let mut out = Encoder::default();
    out.chain_with(&all, |item, out| item.encode(out)).unwrap();
    assert_eq!(out.into_bytes(), bytes);
    assert_eq!(list(Limits::default()), Ok(all));
    let short = Limits {
        length: 199,
        ..Limits::default()
    };
    let problem = Problem::TooLong {
        length: 200,
        bound: 199,
    };
    assert_eq!(list(short), Err(problem.into()));
    let small = Limits {
        allocation: 100,
        ..Limits::default()
    };
    assert_eq!(list(small), Err(Problem::TooMuch(100).into()));
}

#[test]
fn boxes_count_as_memory() {
    let limits = Limits {
        allocation: 2 * size_of::<Chain>(),
        ..Limits::default()
    };
    let bytes = |links: usize| [[0, 0, 0, 1].repeat(links), vec![0; 4]].concat();
    assert!(from_bytes_within::<Chain>(&bytes(2), limits).is_ok());
    let error = from_bytes_within::<Chain>(&bytes(3), limits).unwrap_err();
    assert_eq!(error.problem(), &Problem::TooMuch(limits.allocation));
}

#[test]
fn opaque_data_is_borrowed() {
    let bytes = b"\0\0\0\x03abc\0rest";
    let mut input = Decoder::new(bytes);
    let data = input.opaque(3).unwrap();
    assert!(std::ptr::eq(data, &bytes[4..7]));
    assert_eq!(input.remaining(), b"rest");
}

#[test]
fn strict_decoding_refuses_what_lenient_lets_pass() {
    for (bytes, problem) in [
        (&b"\0\0\0\x01a\0\0\x01"[..], Problem::Padding),
        (&b"\0\0\0\x04abcd\0"[..], Problem::Trailing(1)),
    ] {
        assert!(from_bytes::<Text>(bytes).is_ok());
        assert_eq!(strict::<Text>(bytes).unwrap_err().problem(), &problem);
    }
    assert_eq!(from_bytes(&[0, 0, 0, 2]), Ok(true));
    assert_eq!(
        strict::<bool>(&[0, 0, 0, 2]).unwrap_err().problem(),
        &Problem::Boolean(2)
    );
}

#[test]
fn cut_anywhere_is_an_error() {
    let bytes = to_bytes(&Some(Text::from("abcde"))).unwrap();
    for end in 0..bytes.len() {
        assert!(from_bytes::<Option<Text>>(&bytes[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        a: i64, b: u16, c: Option<bool>, text in "[^\\x00]{0,40}", list: Vec<i8>,
    ) {
        let mut out = Encoder::default();
        a.encode(&mut out)?;
        b.encode(&mut out)?;
        c.encode(&mut out)?;
        Text::from(text.as_str()).encode(&mut out)?;
        out.list(&list, 1_000)?;
        let bytes = out.into_bytes();
        let limits = Limits { mode: Mode::Strict, ..Limits::default() };
        let mut input = Decoder::with_limits(&bytes, limits);
        prop_assert_eq!(i64::decode(&mut input)?, a);
        prop_assert_eq!(u16::decode(&mut input)?, b);
        prop_assert_eq!(Option::decode(&mut input)?, c);
        prop_assert!(Text::decode(&mut input)? == text.as_str());
        prop_assert_eq!(input.list::<i8>(1_000)?, list);
        input.finish()?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = from_bytes::<Option<Text>>(&bytes);
        let _ = from_bytes::<Chain>(&bytes);
        let mut input = Decoder::new(&bytes);
        let _ = input.list::<Text>(usize::MAX);
        let _ = Decoder::new(&bytes).opaque(usize::MAX);
    }
}
