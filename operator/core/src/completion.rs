//! What the completion record beside a volume says: that it is whole, and what it is. After the
//! control plane is lost nothing else tells.

use std::fmt;

use drover_crds::volume::VolumeFormat;

use crate::desired::volume::format_word;

/// What is known of a volume that is whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// How it is kept.
    pub format: Option<VolumeFormat>,
    /// The volume of the same pool that it is based on, and how that one is kept.
    pub backing: Option<(String, VolumeFormat)>,
    /// How many bytes were written.
    pub size: Option<u64>,
    /// The size of the disk in it.
    pub virtual_size: Option<u64>,
    /// The SHA-256 of what was written: 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// The SHA-256 of what was fetched, which may have been compressed.
    pub fetched: Option<String>,
}

impl Completion {
    /// Reads a record. What is not known, such as what a later version may add, is left out.
    #[must_use]
    pub fn parse(record: &str) -> Self {
        let mut found = Self::default();
        for line in record.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "format" => found.format = format(rest),
                "backing" => found.backing = backing(rest),
                "size" => found.size = rest.parse().ok(),
                "virtual-size" => found.virtual_size = rest.parse().ok(),
                "sha256" => found.sha256 = Some(rest.to_owned()),
                "fetched-sha256" => found.fetched = Some(rest.to_owned()),
                _ => {}
            }
        }
        found
    }
}

fn format(word: &str) -> Option<VolumeFormat> {
    match word {
        "qcow2" => Some(VolumeFormat::Qcow2),
        "raw" => Some(VolumeFormat::Raw),
        _ => None,
    }
}

fn backing(text: &str) -> Option<(String, VolumeFormat)> {
    let (volume, word) = text.rsplit_once(' ')?;
    Some((volume.to_owned(), format(word)?))
}

impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("complete")?;
        if let Some(format) = self.format {
            write!(f, "\nformat {}", format_word(format))?;
        }
        if let Some((volume, format)) = &self.backing {
            write!(f, "\nbacking {volume} {}", format_word(*format))?;
        }
        if let Some(size) = self.size {
            write!(f, "\nsize {size}")?;
        }
        if let Some(size) = self.virtual_size {
            write!(f, "\nvirtual-size {size}")?;
        }
        if let Some(sum) = &self.sha256 {
            write!(f, "\nsha256 {sum}")?;
        }
        if let Some(sum) = &self.fetched {
            write!(f, "\nfetched-sha256 {sum}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use drover_crds::volume::VolumeFormat;
    use proptest::prelude::*;

    use super::Completion;

    #[test]
    fn what_is_written_is_read() {
        let completion = Completion {
            format: Some(VolumeFormat::Qcow2),
            backing: Some(("_image_debian-13".to_owned(), VolumeFormat::Raw)),
            size: Some(1),
            virtual_size: Some(2),
            sha256: Some("ab".to_owned()),
            fetched: Some("cd".to_owned()),
        };
        assert_eq!(Completion::parse(&completion.to_string()), completion);
        let nothing = Completion::default();
        assert_eq!(nothing.to_string(), "complete");
        assert_eq!(Completion::parse("complete"), nothing);
    }

    #[test]
    fn what_earlier_versions_wrote_is_read() {
        let known = Completion::parse("complete\nformat qcow2");
        assert_eq!(known.format, Some(VolumeFormat::Qcow2));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Completion::parse(&text);
        }
    }
}
