//! One question, asked on both sides.

use std::pin::Pin;
use std::sync::Arc;

use drover_rpc::objects::Domain as Handle;
use drover_rpc::proto::remote::{
    Domain, DomainSnapshot, Network, Nwfilter, Secret, StoragePool, StorageVol,
};
use drover_rpc::{Client, Error};
use serde_json::Value;

/// The driver that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    Test,
    Qemu,
}

impl Driver {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Qemu => "qemu",
        }
    }
}

/// How alike the answers must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    Same,
    /// Numbers move on between the questions: types, lengths and names are the same.
    Shape,
    /// libvirt-python asks something else first, which the driver refuses with other words.
    Code,
    /// libvirt-python has `None` for any error.
    Silent,
}

/// Why there is no answer on this side.
pub(crate) enum Failed {
    Rpc(Error),
    /// The driver has no such object to ask about.
    Absent,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Rpc(error)
    }
}

/// The connection, and the objects there are to ask about.
pub(crate) struct Here {
    pub(crate) client: Client,
    pub(crate) objects: Objects,
}

/// What could be made for the tests; what a driver does not have is absent.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) running: Option<Domain>,
    pub(crate) off: Option<Domain>,
    pub(crate) network: Option<Network>,
    pub(crate) pool: Option<StoragePool>,
    pub(crate) volume: Option<StorageVol>,
    pub(crate) snapshot: Option<DomainSnapshot>,
    pub(crate) filter: Option<Nwfilter>,
    pub(crate) secret: Option<Secret>,
}

macro_rules! objects {
    ($($name:ident $field:ident $ty:ty;)*) => {
        impl Here {
            $(pub(crate) fn $name(&self) -> Result<$ty, Failed> {
                self.objects.$field.clone().ok_or(Failed::Absent)
            })*
        }
    };
}

objects! {
    d running Domain;
    off off Domain;
    n network Network;
    p pool StoragePool;
    v volume StorageVol;
    s snapshot DomainSnapshot;
    f filter Nwfilter;
    sec secret Secret;
}

impl Here {
    /// The running domain, as the client's object.
    pub(crate) async fn domain(&self) -> Result<Handle, Failed> {
        self.d()?;
        Ok(self.client.domain(super::objects::RUNNING).await?)
    }
}

pub(crate) type Asked<T> = Pin<Box<dyn Future<Output = Result<T, Failed>>>>;
type Ask = fn(Arc<Here>) -> Asked<Value>;
type First = fn(Arc<Here>) -> Asked<()>;

/// A question.
pub(crate) struct Case {
    pub(crate) procedure: &'static str,
    pub(crate) python: &'static str,
    pub(crate) ask: Ask,
    /// Brings about, before either side asks, what is asked about. That it is so already is no fault.
    pub(crate) first: Option<First>,
    pub(crate) likeness: Likeness,
    pub(crate) only: Option<Driver>,
}

impl Case {
    pub(crate) const fn new(procedure: &'static str, python: &'static str, ask: Ask) -> Self {
        Self {
            procedure,
            python,
            ask,
            first: None,
            likeness: Likeness::Same,
            only: None,
        }
    }

    /// Numbers in the answer move.
    pub(crate) const fn shape(mut self) -> Self {
        self.likeness = Likeness::Shape;
        self
    }

    /// The words of a refusal may be others.
    pub(crate) const fn code(mut self) -> Self {
        self.likeness = Likeness::Code;
        self
    }

    /// A refusal may be nothing at all in Python.
    pub(crate) const fn silent(mut self) -> Self {
        self.likeness = Likeness::Silent;
        self
    }

    pub(crate) const fn only(mut self, driver: Driver) -> Self {
        self.only = Some(driver);
        self
    }

    pub(crate) const fn first(mut self, first: First) -> Self {
        self.first = Some(first);
        self
    }
}

/// A question: the procedure, libvirt-python's expression, the call here, and what its answer is in
/// plain words, where the type does not say.
macro_rules! same {
    ($procedure:ident, $python:literal, |$here:ident| $call:expr) => {
        $crate::case::same!($procedure, $python, |$here| $call, |reply| reply)
    };
    ($procedure:ident, $python:literal, |$here:ident| $call:expr, |$reply:pat_param| $plain:expr) => {
        $crate::case::Case::new(
            stringify!($procedure),
            $python,
            |$here: std::sync::Arc<$crate::case::Here>| {
                Box::pin(async move {
                    let $reply = $call.await?;
                    Ok($crate::plain::Plain::plain($plain))
                })
            },
        )
    };
}

/// What is done before a question.
macro_rules! before {
    (|$here:ident| $call:expr) => {
        |$here: std::sync::Arc<$crate::case::Here>| {
            Box::pin(async move {
                $call.await?;
                Ok(())
            })
        }
    };
}

pub(crate) use {before, same};
