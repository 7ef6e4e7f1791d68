//! Which of libvirt's drivers a host has, and what that makes of it.

use clap::ValueEnum;
use drover_rpc_proto::remote;
use uuid::Uuid;

/// One of libvirt's drivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Driver {
    /// QEMU without KVM, as libvirt 11.3 with QEMU 10.0 has it.
    Qemu,
    /// The test driver of libvirt 11.3, without what is there from the beginning.
    Test,
}

/// libvirt 11.3.0.
pub(crate) const LIBVIRT: u64 = 11_003_000;
const FEATURES_OF_BOTH: [i32; 5] = [9, 10, 14, 15, 16];
// Migration, which the client may ask about and which then has no support.
const FEATURES_OF_QEMU: [i32; 6] = [3, 4, 6, 7, 11, 12];

impl Driver {
    /// The name by which it is opened.
    pub(crate) fn uri(self) -> &'static str {
        match self {
            Self::Qemu => "qemu:///system",
            Self::Test => "test:///default",
        }
    }

    /// Of the flags that QEMU's driver knows and the test driver does not, those that it knows.
    pub(crate) fn flags(self, of_qemu: u32) -> u32 {
        match self {
            Self::Qemu => of_qemu,
            Self::Test => 0,
        }
    }

    /// What it calls itself.
    pub(crate) fn type_word(self) -> &'static str {
        match self {
            Self::Qemu => "QEMU",
            Self::Test => "TEST",
        }
    }

    /// The version of the hypervisor.
    pub(crate) fn version(self) -> u64 {
        match self {
            Self::Qemu => 10_000_002,
            Self::Test => 2,
        }
    }

    pub(crate) fn has_feature(self, number: i32) -> bool {
        FEATURES_OF_BOTH.contains(&number)
            || self == Self::Qemu && FEATURES_OF_QEMU.contains(&number)
    }

    /// The architectures of its guests.
    pub(crate) fn architectures(self) -> &'static [&'static str] {
        match self {
            Self::Qemu => &["i686", "x86_64"],
            Self::Test => &["i686"],
        }
    }

    pub(crate) fn domain_type(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Test => "test",
        }
    }

    /// What the host can do, in short.
    pub(crate) fn capabilities(self, host: Uuid) -> String {
        let guests = self.architectures().iter().map(|arch| {
            let bits = if *arch == "x86_64" { 64 } else { 32 };
            format!(
                "<guest><os_type>hvm</os_type><arch name='{arch}'><wordsize>{bits}</wordsize>\
                 <domain type='{}'/></arch></guest>",
                self.domain_type()
            )
        });
        let guests: String = guests.collect();
        let cpu = match self {
            Self::Qemu => "<cpu><arch>x86_64</arch><model>EPYC</model></cpu>",
            Self::Test => "<cpu><arch>i686</arch></cpu>",
        };
        let uuid = match self {
            Self::Qemu => format!("<uuid>{host}</uuid>"),
            Self::Test => String::new(),
        };
        format!("<capabilities><host>{uuid}{cpu}</host>{guests}</capabilities>")
    }

    /// The machine; the test driver's is always the same.
    pub(crate) fn node(self, cpus: u32, memory_gib: u64) -> remote::NodeGetInfoRet {
        let cpus = i32::try_from(cpus).unwrap_or(i32::MAX);
        match self {
            Self::Qemu => remote::NodeGetInfoRet {
                model: model("x86_64"),
                memory: memory_gib << 20,
                cpus,
                mhz: 2_400,
                nodes: 1,
                sockets: 1,
                cores: cpus,
                threads: 1,
            },
            Self::Test => remote::NodeGetInfoRet {
                model: model("i686"),
                memory: 3 << 20,
                cpus: 16,
                mhz: 1_400,
                nodes: 2,
                sockets: 2,
                cores: 2,
                threads: 2,
            },
        }
    }
}

fn model(name: &str) -> [i8; 32] {
    let mut model = [0; 32];
    for (to, from) in model.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    model
}
