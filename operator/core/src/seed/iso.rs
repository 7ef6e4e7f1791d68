//! A CD-ROM in memory: ISO 9660 with the names that Windows reads (Joliet). No clock and no chance in it.

use super::Sealed;

/// The files that Windows' setup and sysprep look for.
pub(super) const ANSWERS: [&str; 2] = ["autounattend.xml", "unattend.xml"];

const SECTOR: usize = 2_048;
const LABEL: &str = "UNATTEND";
// Where everything is, in sectors: after the part that is the system's.
const PRIMARY: usize = 16;
const JOLIET: usize = 17;
const END: usize = 18;
const PATHS: [usize; 4] = [19, 20, 21, 22];
const ROOTS: [usize; 2] = [23, 24];
const FILES: usize = 25;
const SECTORS: [usize; 2] = [PRIMARY, JOLIET];

/// A CD-ROM with these files in its root.
pub(super) fn image(files: &[(String, Sealed)]) -> Vec<u8> {
    let mut starts = Vec::new();
    let mut next = FILES;
    for (_, text) in files {
        starts.push(next);
        next += text.open().len().div_ceil(SECTOR);
    }
    let mut image = vec![0; next * SECTOR];
    for names in [Names::Short, Names::Long] {
        let which = names as usize;
        put(&mut image, SECTORS[which], &descriptor(names, next));
        put(
            &mut image,
            PATHS[2 * which],
            &path_table(ROOTS[which], false),
        );
        put(
            &mut image,
            PATHS[2 * which + 1],
            &path_table(ROOTS[which], true),
        );
        put(&mut image, ROOTS[which], &root(names, files, &starts));
    }
    put(&mut image, END, b"\xffCD001\x01");
    for ((_, text), start) in files.iter().zip(starts) {
        put(&mut image, start, text.open());
    }
    image
}

/// Which of the two trees: the one that all read, or Windows'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Short,
    Long,
}

impl Names {
    // In capitals and 8.3, or as it is, in UCS-2.
    fn encode(self, name: &str) -> Vec<u8> {
        if self == Self::Long {
            return wide(&format!("{name};1"));
        }
        let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
        let cut = |text: &str, most| text.chars().take(most).collect::<String>();
        let name = format!("{}.{};1", cut(stem, 8), cut(end, 3));
        name.to_uppercase().into_bytes()
    }

    fn text(self, text: &str, length: usize) -> Vec<u8> {
        let (mut bytes, blank) = match self {
            Self::Short => (text.as_bytes().to_vec(), &b" "[..]),
            Self::Long => (wide(text), &b"\0 "[..]),
        };
        while bytes.len() + blank.len() <= length {
            bytes.extend(blank);
        }
        bytes.resize(length, 0);
        bytes
    }
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn put(image: &mut [u8], sector: usize, bytes: &[u8]) {
    let rest = image.iter_mut().skip(sector * SECTOR);
    for (to, from) in rest.zip(bytes) {
        *to = *from;
    }
}

// What is this small never needs more.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

// Numbers stand there twice, for both kinds of machines.
fn both(value: usize) -> [u8; 8] {
    let value = number(value);
    let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(little.into_iter().chain(big)) {
        *to = from;
    }
    bytes
}

fn both_short(value: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (value.to_le_bytes(), value.to_be_bytes());
    [a, b, c, d]
}

fn descriptor(names: Names, sectors: usize) -> Vec<u8> {
    let which = names as usize;
    let mut bytes = vec![if names == Names::Short { 1 } else { 2 }];
    bytes.extend(b"CD001\x01\0");
    bytes.extend(names.text("", 32));
    bytes.extend(names.text(LABEL, 32));
    bytes.extend([0; 8]);
    bytes.extend(both(sectors));
    // Says that its names are in UCS-2, level 3.
    let escapes: &[u8] = if names == Names::Long { b"%/E" } else { b"" };
    let mut kind = escapes.to_vec();
    kind.resize(32, 0);
    bytes.extend(kind);
    bytes.extend(both_short(1));
    bytes.extend(both_short(1));
    bytes.extend(both_short(2_048));
    bytes.extend(both(10));
    bytes.extend(number(PATHS[2 * which]).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(number(PATHS[2 * which + 1]).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(record(&[0], ROOTS[which], SECTOR, true));
    // The set, who published and prepared it, and with what.
    for _ in 0..4 {
        bytes.extend(names.text("", 128));
    }
    for _ in 0..3 {
        bytes.extend(names.text("", 37));
    }
    // Made, changed, expired, effective: not said.
    for _ in 0..4 {
        bytes.extend([b'0'; 16]);
        bytes.push(0);
    }
    bytes.extend([1, 0]);
    bytes.resize(SECTOR, 0);
    bytes
}

// Only the root.
fn path_table(root: usize, big: bool) -> Vec<u8> {
    let at = number(root);
    let mut bytes = vec![1, 0];
    bytes.extend(if big {
        at.to_be_bytes()
    } else {
        at.to_le_bytes()
    });
    bytes.extend(if big {
        1u16.to_be_bytes()
    } else {
        1u16.to_le_bytes()
    });
    bytes.extend([0, 0]);
    bytes
}

fn root(names: Names, files: &[(String, Sealed)], starts: &[usize]) -> Vec<u8> {
    let at = ROOTS[names as usize];
    let mut bytes = record(&[0], at, SECTOR, true);
    bytes.extend(record(&[1], at, SECTOR, true));
    for ((name, text), start) in files.iter().zip(starts) {
        let size = text.open().len();
        bytes.extend(record(&names.encode(name), *start, size, false));
    }
    bytes
}

fn record(name: &[u8], start: usize, size: usize, folder: bool) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(both(start));
    bytes.extend(both(size));
    // The first day of 1980, as of a FAT.
    bytes.extend([80, 1, 1, 0, 0, 0, 0]);
    bytes.push(if folder { 2 } else { 0 });
    bytes.extend([0, 0]);
    bytes.extend(both_short(1));
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    bytes.push(length);
    bytes.extend(name.iter().take(usize::from(length)));
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    if let Some(first) = bytes.first_mut() {
        *first = length;
    }
    bytes
}
