//! Where everything of the lab is.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The bridge to which every host is connected.
pub const BRIDGE: &str = "drover-lab";
/// The machine's own address on the bridge.
pub const GATEWAY: &str = "10.77.0.1";
/// Where the API server listens.
pub const API_PORT: u16 = 16443;
/// Where etcd listens for clients; for its peers one higher.
pub const ETCD_PORT: u16 = 12379;
/// Where guest images are served, on [`GATEWAY`].
pub const IMAGE_PORT: u16 = 8088;
/// Where they are served over TLS.
pub const IMAGE_TLS_PORT: u16 = 8089;
/// Where the operator's metrics are.
pub const OPERATOR_LISTEN: &str = "127.0.0.1:18080";

/// Where images are sent to the operator.
pub const UPLOAD_LISTEN: &str = "127.0.0.1:18081";

/// The folders of one checkout's lab.
#[derive(Debug, Clone)]
pub struct Lab {
    root: PathBuf,
    state: PathBuf,
    cache: PathBuf,
}

impl Lab {
    /// The lab of the checkout that this was built from.
    ///
    /// # Errors
    /// [`Error::File`] when the folders cannot be made.
    pub fn find() -> Result<Self, Error> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().unwrap_or(here).to_owned();
        let mut lab = Self {
            state: root.join("target/lab"),
            cache: cache_folder(),
            root,
        };
        for folder in [&lab.state, &lab.cache, &lab.logs(), &lab.runs(), &lab.bin()] {
            make_folder(folder)?;
        }
        // The lab's processes are known by its folder: a worktree that links to another's has that one's.
        lab.state =
            std::fs::canonicalize(&lab.state).map_err(|error| Error::file(&lab.state, error))?;
        Ok(lab)
    }

    /// The checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is slow to build, kept for the next time.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// All that this lab has, apart from the cache.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The commands of the control plane.
    pub fn bin(&self) -> PathBuf {
        self.state.join("bin")
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.state.join("log")
    }

    /// The log of one process or step.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// The folder of the process ids.
    pub fn runs(&self) -> PathBuf {
        self.state.join("run")
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }

    /// What kubectl remembers of the API server.
    pub fn kubectl_cache(&self) -> PathBuf {
        self.state.join("kubectl-cache")
    }

    /// The operator's kubeconfig.
    pub fn operator_kubeconfig(&self) -> PathBuf {
        self.state.join("operator.kubeconfig")
    }

    /// The folder of all hosts.
    pub fn hosts(&self) -> PathBuf {
        self.state.join("hosts")
    }

    /// What all hosts see as the same folder.
    pub fn shared(&self) -> PathBuf {
        self.state.join("shared")
    }

    /// The API server's audit log.
    pub fn audit_log(&self) -> PathBuf {
        self.log("audit")
    }

    /// What cargo built.
    pub fn built(&self, name: &str) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR");
        let target = target.map_or_else(|| self.root.join("target"), PathBuf::from);
        self.root.join(target).join("debug").join(name)
    }
}

/// Makes a folder and those above it.
///
/// # Errors
/// [`Error::File`].
pub fn make_folder(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|error| Error::file(path, error))
}

/// Writes a file whole.
///
/// # Errors
/// [`Error::File`].
pub fn write_file(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    std::fs::write(path, content).map_err(|error| Error::file(path, error))
}

/// Reads a text file.
///
/// # Errors
/// [`Error::File`].
pub fn read_file(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::file(path, error))
}

fn cache_folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("drover")
}
