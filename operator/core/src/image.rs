//! The header of a disk image: what it is, before a byte of it is trusted.

/// How many bytes of an image are looked at.
pub const HEADER_LENGTH: usize = 512;

const MAGIC: [u8; 4] = *b"QFI\xfb";
// Bits of the header's incompatible features.
const EXTERNAL_DATA_FILE: u64 = 1 << 2;

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// qcow2, which stands alone.
    Qcow2 {
        /// The size of the disk that it holds.
        virtual_size: u64,
    },
    /// Anything else: taken byte for byte.
    Raw,
}

/// Why an image is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is based on another file, which it names: any file of the host.
    #[error("the image has a backing file; flatten it first (qemu-img convert)")]
    BackingFile,
    /// Its data is in another file, which it names.
    #[error("the image has an external data file; flatten it first (qemu-img convert)")]
    DataFile,
    /// It is of a version that nobody knows.
    #[error("the image is qcow of version {0}; versions 2 and 3 are taken")]
    Version(u32),
    /// It ends in the middle of its header.
    #[error("the image ends after {0} bytes, within its header")]
    Short(usize),
    /// Another format that can name other files.
    #[error("the image is {0}; qcow2 and raw are taken")]
    Format(&'static str),
}

// Formats that are neither qcow2 nor raw, by what they begin with.
const OTHERS: [(&[u8], &str); 5] = [
    (b"KDMV", "VMDK"),
    (b"# Disk DescriptorFile", "VMDK"),
    (b"conectix", "VHD"),
    (b"vhdxfile", "VHDX"),
    (b"QED\0", "QED"),
];

/// Says what an image is from its first [`HEADER_LENGTH`] bytes, or all of it if it is shorter.
///
/// # Errors
/// [`Refused`] for an image that names other files, or that cannot be one.
pub fn inspect(header: &[u8]) -> Result<Image, Refused> {
    if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| header.starts_with(magic)) {
        return Err(Refused::Format(name));
    }
    if !header.starts_with(&MAGIC) {
        return Ok(Image::Raw);
    }
    let short = || Refused::Short(header.len());
    let version = word(header, 4).ok_or_else(short)?;
    if version != 2 && version != 3 {
        return Err(Refused::Version(version));
    }
    let backing = double_word(header, 8).ok_or_else(short)?;
    let virtual_size = double_word(header, 24).ok_or_else(short)?;
    if header.len() < 72 {
        return Err(short());
    }
    if backing != 0 {
        return Err(Refused::BackingFile);
    }
    if version == 3 && double_word(header, 72).ok_or_else(short)? & EXTERNAL_DATA_FILE != 0 {
        return Err(Refused::DataFile);
    }
    Ok(Image::Qcow2 { virtual_size })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u32::from_be_bytes(*word))
}

fn double_word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u64::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Image, Refused, inspect};

    fn header(version: u32, backing: u64, features: u64) -> Vec<u8> {
        let mut header = vec![0; 104];
        header[..4].copy_from_slice(&super::MAGIC);
        header[4..8].copy_from_slice(&version.to_be_bytes());
        header[8..16].copy_from_slice(&backing.to_be_bytes());
        header[24..32].copy_from_slice(&(24_u64 << 20).to_be_bytes());
        header[72..80].copy_from_slice(&features.to_be_bytes());
        header
    }

    #[test]
    fn what_is_taken_and_what_is_not() {
        let alone = Ok(Image::Qcow2 {
            virtual_size: 24 << 20,
        });
        assert_eq!(inspect(&header(3, 0, 0)), alone);
        assert_eq!(inspect(&header(2, 0, u64::MAX)), alone);
        assert_eq!(inspect(&header(3, 112, 0)), Err(Refused::BackingFile));
        assert_eq!(inspect(&header(3, 0, 4)), Err(Refused::DataFile));
        assert_eq!(inspect(&header(1, 0, 0)), Err(Refused::Version(1)));
        assert_eq!(inspect(&header(3, 0, 0)[..40]), Err(Refused::Short(40)));
        assert_eq!(inspect(b"KDMV...."), Err(Refused::Format("VMDK")));
        assert_eq!(inspect(&[0; 512]), Ok(Image::Raw));
        assert_eq!(inspect(b""), Ok(Image::Raw));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes: Vec<u8>) {
            let _ = inspect(&bytes);
            bytes.splice(0..0, super::MAGIC);
            let _ = inspect(&bytes);
        }
    }
}
