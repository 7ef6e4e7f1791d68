//! What a guest is given for its first start, as the content of a small volume: bytes in, bytes out.
//! The same declaration always makes the same bytes.

mod cloud_init;
mod fat;
mod given;
mod iso;
mod sealed;

use drover_crds::virtual_machine::MAX_TEXT;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use given::{Secrets, Unfit};
pub use sealed::Sealed;

use crate::desired::machine::{DesiredMachine, FirstBoot};
use crate::identity;

/// The largest sum of all that a guest is given, in bytes.
const MOST: usize = 2 * MAX_TEXT;
const SECTOR: usize = 512;

/// How the volume is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// A FAT file system with this label.
    Fat(&'static str),
    /// A CD-ROM.
    Iso,
    /// One text, and nothing else.
    Bare,
}

/// What a guest is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    layout: Layout,
    // By their paths, in order.
    files: Vec<(String, Sealed)>,
}

/// A volume cannot be made of it.
#[derive(Debug, thiserror::Error)]
#[error("its file system cannot be made: {0}")]
pub struct Unmade(#[from] std::io::Error);

impl Seed {
    /// What a machine's guest is given, from what the Secrets have that its spec names.
    ///
    /// # Errors
    /// [`Unfit`] when a Secret has no such key, or something is too large or no text.
    pub fn new(
        machine: &DesiredMachine,
        declared: &FirstBoot,
        secrets: &Secrets,
    ) -> Result<Self, Unfit> {
        let (layout, files) = match declared {
            FirstBoot::CloudInit(cloud_init) => cloud_init::files(machine, cloud_init, secrets)?,
            FirstBoot::Ignition(ignition) => {
                let field = "spec.ignition.secretRef";
                let text = secrets.key(field, &ignition.secret_ref)?;
                let none = serde_json::from_slice::<serde::de::IgnoredAny>(text.open());
                if none.is_err() {
                    return Err(Unfit::refused(field, "the configuration is not JSON"));
                }
                (Layout::Bare, vec![("config".to_owned(), text)])
            }
            FirstBoot::Sysprep(sysprep) => {
                let field = "spec.sysprep.secretRef";
                let named = &sysprep.secret_ref.name;
                (Layout::Iso, secrets.some(field, named, &iso::ANSWERS)?)
            }
        };
        let total: usize = files.iter().map(|(_, text)| text.open().len()).sum();
        if total > MOST {
            let words = format!("{total} bytes in all, at most {MOST} are possible");
            return Err(Unfit::refused(declared.path(), words));
        }
        Ok(Self { layout, files })
    }

    /// Sixteen digits that stand for all of it. Without the key, which is on the machine's host only,
    /// nobody can try out what they were made from.
    #[must_use]
    pub fn digest(&self, key: Uuid) -> String {
        let layout = match self.layout {
            Layout::Fat(label) => label,
            Layout::Iso => "iso",
            Layout::Bare => "bare",
        };
        let mut hash = Sha256::new_with_prefix(key.as_bytes());
        let files = self.files.iter();
        let files = files.flat_map(|(path, text)| [path.as_bytes(), text.open()]);
        for part in std::iter::once(layout.as_bytes()).chain(files) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        short(hash)
    }

    /// The content of the volume: whole sectors.
    ///
    /// # Errors
    /// [`Unmade`], which nothing that [`Seed::new`] lets pass should meet.
    pub fn image(&self) -> Result<Sealed, Unmade> {
        let mut bytes = match (self.layout, self.files.as_slice()) {
            (Layout::Fat(label), files) => fat::image(label, files)?,
            (Layout::Iso, files) => iso::image(files),
            (Layout::Bare, files) => files
                .iter()
                .flat_map(|(_, it)| it.open().to_vec())
                .collect(),
        };
        // Blanks after the end of JSON mean nothing.
        let blank = if self.layout == Layout::Bare { b' ' } else { 0 };
        bytes.resize(bytes.len().next_multiple_of(SECTOR), blank);
        Ok(bytes.into())
    }
}

fn short(hash: Sha256) -> String {
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The names of a machine's seed volumes, in the pool of its first disk.
///
/// No Volume's name in a pool can be one of these: names in Kubernetes have no `_`, and a namespace's
/// volumes have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(String);

impl Names {
    /// Those of a machine.
    #[must_use]
    pub fn of(machine: &DesiredMachine) -> Self {
        let machine = identity::volume_name(&machine.namespace, &machine.name);
        Self(format!("{machine}_seed"))
    }

    /// The record that all of them are this machine's.
    #[must_use]
    pub fn owner(&self) -> String {
        format!("{}{}", self.0, identity::OWNER_SUFFIX)
    }

    /// The volume with the content that has this digest.
    #[must_use]
    pub fn volume(&self, digest: &str) -> String {
        format!("{}-{digest}", self.0)
    }

    /// Whether a volume has such a name.
    #[must_use]
    pub fn is_one(&self, volume: &str) -> bool {
        let digest = volume
            .strip_prefix(&self.0)
            .and_then(|rest| rest.strip_prefix('-'));
        digest.is_some_and(|it| it.len() == 16 && it.bytes().all(|b| b.is_ascii_hexdigit()))
    }
}
