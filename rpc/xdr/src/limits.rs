//! How much a decoder takes on trust: little.

/// What a decoder does with bytes that a strict reading of RFC 4506 refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Any padding, any non-zero boolean and bytes after the value are let pass, as libtirpc and
    /// libvirt do.
    #[default]
    Lenient,
    /// All of these are errors.
    Strict,
}

/// Bounds on one decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest string, opaque data or array, in bytes or elements.
    pub length: usize,
    /// How deep structs, unions and optional data may nest.
    pub depth: usize,
    /// The memory that all lists, strings and opaque data may take together, in bytes.
    pub allocation: usize,
    /// What is done with bytes that are wrong but harmless.
    pub mode: Mode,
}

impl Default for Limits {
    /// Enough for libvirt's largest message (32 MiB), which decodes into a few times its size.
    fn default() -> Self {
        Self {
            length: 32 << 20,
            depth: 64,
            allocation: 256 << 20,
            mode: Mode::Lenient,
        }
    }
}
