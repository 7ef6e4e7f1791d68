//! Which files of a libvirt source tree become which modules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::emit::{Dialect, Direction, Emitter, Style};
use crate::error::Report;
use crate::headers::{HEADERS, Headers};
use crate::model::Model;
use crate::parse::parse;
use crate::symbols::Symbols;

/// Constants that libvirt's files take from its C headers.
const EXTERNAL: &[(&str, i64)] = &[
    ("VIR_UUID_BUFLEN", 16),
    ("VIR_SECURITY_MODEL_BUFLEN", 257),
    ("VIR_SECURITY_LABEL_BUFLEN", 4097),
    ("VIR_SECURITY_DOI_BUFLEN", 257),
    ("VIR_TYPED_PARAM_INT", 1),
    ("VIR_TYPED_PARAM_UINT", 2),
    ("VIR_TYPED_PARAM_LLONG", 3),
    ("VIR_TYPED_PARAM_ULLONG", 4),
    ("VIR_TYPED_PARAM_DOUBLE", 5),
    ("VIR_TYPED_PARAM_BOOLEAN", 6),
    ("VIR_TYPED_PARAM_STRING", 7),
];

/// The groups of the remote program, after libvirt's own objects.
const GROUPS: &[&str] = &[
    "auth",
    "connect",
    "domain",
    "domain_checkpoint",
    "domain_event",
    "domain_migrate",
    "domain_snapshot",
    "interface",
    "network",
    "network_port",
    "node",
    "node_device",
    "nwfilter",
    "secret",
    "storage_pool",
    "storage_vol",
];

/// A file, how it is read, and where libvirt keeps the record of its layout.
pub struct Source {
    /// The `.x` file below `src/`.
    pub file: &'static str,
    /// The layout file below `src/`.
    pub layout: &'static str,
    /// Its names.
    pub dialect: Dialect<'static>,
}

/// The files, in an order in which each comes after those it uses.
pub const SOURCES: &[Source] = &[
    Source {
        file: "remote/remote_protocol.x",
        layout: "remote_protocol-structs",
        dialect: Dialect {
            module: "remote",
            type_prefixes: &["remote_", "remote_nonnull_"],
            constant_prefix: "REMOTE_",
            procedures: Some("remote_procedure"),
            program: Some(("REMOTE_PROGRAM", "REMOTE_PROTOCOL_VERSION")),
            imports: None,
            // A console and a channel are annotated as read only, a tunnel not at all.
            streams: &[
                ("DOMAIN_OPEN_CONSOLE", Direction::Both),
                ("DOMAIN_OPEN_CHANNEL", Direction::Both),
                ("DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS", Direction::Write),
            ],
            fds: &[
                ("DOMAIN_OPEN_GRAPHICS", true, false),
                ("DOMAIN_OPEN_GRAPHICS_FD", false, true),
                ("DOMAIN_CREATE_XML_WITH_FILES", true, false),
                ("DOMAIN_CREATE_WITH_FILES", true, false),
                ("DOMAIN_FD_ASSOCIATE", true, false),
            ],
            groups: GROUPS,
        },
    },
    Source {
        file: "remote/qemu_protocol.x",
        layout: "qemu_protocol-structs",
        dialect: Dialect {
            module: "qemu",
            type_prefixes: &["qemu_", "remote_", "remote_nonnull_"],
            constant_prefix: "QEMU_",
            procedures: Some("qemu_procedure"),
            program: Some(("QEMU_PROGRAM", "QEMU_PROTOCOL_VERSION")),
            imports: Some("remote"),
            streams: &[],
            fds: &[("DOMAIN_MONITOR_COMMAND_WITH_FILES", true, true)],
            groups: &[],
        },
    },
    Source {
        file: "remote/lxc_protocol.x",
        layout: "lxc_protocol-structs",
        dialect: Dialect {
            module: "lxc",
            type_prefixes: &["lxc_", "remote_", "remote_nonnull_"],
            constant_prefix: "LXC_",
            procedures: Some("lxc_procedure"),
            program: Some(("LXC_PROGRAM", "LXC_PROTOCOL_VERSION")),
            imports: Some("remote"),
            streams: &[],
            fds: &[("DOMAIN_OPEN_NAMESPACE", false, true)],
            groups: &[],
        },
    },
    Source {
        file: "rpc/virnetprotocol.x",
        layout: "virnetprotocol-structs",
        dialect: Dialect {
            module: "net",
            type_prefixes: &["virNet", "virNetMessageNonnull"],
            constant_prefix: "VIR_NET_",
            procedures: None,
            program: None,
            imports: None,
            streams: &[],
            fds: &[],
            groups: &[],
        },
    },
    Source {
        file: "rpc/virkeepaliveprotocol.x",
        layout: "virkeepaliveprotocol-structs",
        dialect: Dialect {
            module: "keepalive",
            type_prefixes: &["keepalive_"],
            constant_prefix: "KEEPALIVE_",
            procedures: None,
            program: None,
            imports: None,
            streams: &[],
            fds: &[],
            groups: &[],
        },
    },
];

/// Why a source tree cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what the compiler understands.
    #[error("{}", reports.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Source {
        /// Everything that is wrong with it.
        reports: Vec<Report>,
    },
    /// A C header is not what the compiler understands.
    #[error("{header}: {error}")]
    Header {
        /// The header.
        header: &'static str,
        /// Why.
        error: crate::headers::Error,
    },
    /// The tree does not say which version it is.
    #[error("{} names no version in meson.build", .0.display())]
    Version(PathBuf),
}

/// A libvirt source tree, read.
pub struct Tree {
    /// Its version, such as `11.3.0`.
    pub version: String,
    /// The models, in the order of [`SOURCES`].
    pub models: Vec<Model>,
    symbols: Symbols,
    headers: Headers,
}

impl Tree {
    /// Reads the tree in `root`.
    ///
    /// # Errors
    /// [`Error`] with everything that is wrong with the first file that has anything wrong.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let version = version(root)?;
        let mut symbols = Symbols::parse(&read(&root.join("src/libvirt_public.syms"))?);
        for more in ["src/libvirt_qemu.syms", "src/libvirt_lxc.syms"] {
            symbols.extend(Symbols::parse(&read(&root.join(more))?));
        }
        let mut models: Vec<Model> = Vec::new();
        for source in SOURCES {
            let base = source.dialect.imports.and(models.first());
            models.push(model(&root.join("src").join(source.file), base)?);
        }
        let mut headers = Headers::default();
        for header in HEADERS {
            let text = read(&root.join("include/libvirt").join(header))?;
            headers
                .read(&text)
                .map_err(|error| Error::Header { header, error })?;
        }
        Ok(Self {
            version,
            models,
            symbols,
            headers,
        })
    }

    /// Every generated file, by its path below `rpc/`.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = crate::emit::headers::files(&self.headers, &self.version);
        for (source, model) in SOURCES.iter().zip(&self.models) {
            let name = source.file;
            let header = format!(
                "Generated by xdrgen from {name} of libvirt {}. Not for editing.",
                self.version
            );
            let emitter = Emitter {
                model,
                dialect: &source.dialect,
                symbols: &self.symbols,
                header,
                style: Style::default(),
            };
            let module = source.dialect.module;
            for (file, text) in emitter.module() {
                files.insert(format!("proto/src/generated/{module}/{file}"), text);
            }
            if let Some(text) = emitter.client() {
                files.insert(format!("src/generated/{module}.rs"), text);
            }
        }
        files
    }
}

fn model(path: &Path, base: Option<&Model>) -> Result<Model, Error> {
    let text = read(path)?;
    let name = path.display().to_string();
    let report = |faults: Vec<_>| Error::Source {
        reports: faults
            .into_iter()
            .map(|fault| Report::new(&name, &text, fault))
            .collect(),
    };
    let definitions = parse(&text).map_err(report)?;
    Model::new(&definitions, base, EXTERNAL).map_err(report)
}

fn version(root: &Path) -> Result<String, Error> {
    let meson = read(&root.join("meson.build"))?;
    let line = meson
        .lines()
        .find_map(|line| line.trim().strip_prefix("version: '"));
    let version = line.and_then(|rest| rest.split('\'').next());
    version
        .map(str::to_owned)
        .ok_or_else(|| Error::Version(root.to_owned()))
}

/// Reads a file, and says which one if that fails.
///
/// # Errors
/// [`Error::Read`].
pub fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Read {
        path: path.to_owned(),
        error,
    })
}
