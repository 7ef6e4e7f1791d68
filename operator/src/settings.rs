//! What the operator is told by a file: `--config`.

use std::path::{Path, PathBuf};

use drover_core::schedule::Weights;
use serde::Deserialize;

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;

/// What a file says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    /// Where machines go.
    pub scheduling: Scheduling,
}

/// Where machines go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Scheduling {
    /// What is wanted most.
    pub profile: Profile,
    /// What counts otherwise than the profile says.
    pub weights: Changed,
}

/// What is wanted most of where machines go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Profile {
    /// That they have much room: the emptiest host first.
    #[default]
    Spread,
    /// That hosts stay empty: the fullest host first, and none with much of one thing left and little
    /// of another.
    BinPack,
}

macro_rules! changed {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Weights that are other than the profile's: the more, the more it counts; at 0 it does not.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "camelCase")]
        pub struct Changed {
            $($(#[$doc])* pub $name: Option<u16>,)*
        }

        impl Changed {
            fn of(self, profile: Weights) -> Weights {
                Weights {
                    $($name: self.$name.unwrap_or(profile.$name),)*
                }
            }
        }
    };
}

changed! {
    /// Little left of CPUs and memory.
    bin_pack,
    /// Much left of the scarcer of CPUs and memory.
    spread,
    /// As much left of CPUs as of memory.
    balanced,
    /// Many machines.
    crowd,
    /// Hosts that a machine prefers.
    host_affinity,
    /// Machines that it prefers near it, or far from it.
    machine_affinity,
    /// Taints of effect `PreferNoSchedule`.
    taints,
    /// The share of its images that a host has.
    image,
    /// Spread that is not required.
    topology_spread,
}

impl Scheduling {
    /// How much each part of a score counts.
    #[must_use]
    pub fn weights(self) -> Weights {
        self.weights.of(match self.profile {
            Profile::Spread => Weights::SPREAD,
            Profile::BinPack => Weights::default(),
        })
    }
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It cannot be read.
    #[error("--config {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("--config {0}: must have at most {LARGEST} bytes")]
    TooLarge(PathBuf),
    /// It says something that is not known, or not allowed.
    #[error("--config {path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What, and in which line.
        reason: String,
    },
}

impl Settings {
    /// Reads a file; without one all is as always.
    ///
    /// # Errors
    /// [`SettingsError`], with the line.
    pub fn read(path: Option<&Path>) -> Result<Self, SettingsError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let failed = |source| SettingsError::Read {
            path: path.to_owned(),
            source,
        };
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > LARGEST {
            return Err(SettingsError::TooLarge(path.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).map_err(|reason| SettingsError::Invalid {
            path: path.to_owned(),
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use drover_core::schedule::Weights;

    use super::Settings;

    #[test]
    fn what_is_not_said_is_as_always() {
        for text in ["", "\n", "scheduling: {}"] {
            let weights = Settings::parse(text).unwrap().scheduling.weights();
            assert_eq!(weights, Weights::SPREAD, "{text:?}");
        }
    }

    #[test]
    fn a_profile_and_what_is_other_than_it() {
        let text = "scheduling:\n  profile: BinPack\n  weights: {image: 9, topologySpread: 0}\n";
        let weights = Settings::parse(text).unwrap().scheduling.weights();
        let wanted = Weights {
            image: 9,
            topology_spread: 0,
            ..Weights::default()
        };
        assert_eq!(weights, wanted);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, words) in [
            (
                "scheduling:\n  profile: BinPack\n  wieghts: {}\n",
                ["wieghts", "line 3"],
            ),
            ("scheduling:\n  weights:\n    image: -1\n", ["-1", "line 3"]),
            (
                "scheduling:\n  weights:\n    image: 70000\n",
                ["70000", "line 3"],
            ),
            (
                "scheduling:\n  weights:\n    speed: 1\n",
                ["speed", "line 3"],
            ),
            ("scheduling:\n  profile: Fast\n", ["Fast", "line 2"]),
            ("sheduling: {}\n", ["sheduling", "line 1"]),
            ("scheduling: [\n", ["", "line "]),
        ] {
            let said = Settings::parse(text).unwrap_err();
            for word in words {
                assert!(said.contains(word), "{text:?}: {word:?} in {said}");
            }
        }
    }
}
