//! Requests, each to what answers it.

mod connect;
mod domain;
mod network;
mod storage;

use drover_rpc_proto::procedure::Procedure;
use drover_rpc_proto::server::{Request, Server};

use crate::connection::Session;
use crate::host::Failure;

/// Answers a request: well, or with libvirt's error.
pub(crate) fn answer(session: &mut Session, request: &Request, server: &mut Server) {
    let mut call = Call {
        session,
        request,
        server,
    };
    let known = connect::answer(&mut call)
        || domain::answer(&mut call)
        || network::answer(&mut call)
        || storage::answer(&mut call);
    if !known {
        let name = request.info().map_or("this procedure", |row| row.name);
        call.refuse(&Failure::unsupported(name));
    }
}

/// A request that is being answered.
struct Call<'a> {
    session: &'a mut Session,
    request: &'a Request,
    server: &'a mut Server,
}

impl Call<'_> {
    /// Answers it with what this makes of its arguments.
    fn with<P: Procedure>(
        &mut self,
        make: impl FnOnce(&mut Session, P::Args) -> Result<P::Reply, Failure>,
    ) {
        let args = self.request.args::<P>();
        let args = args.map_err(|error| Failure::argument(error.to_string()));
        let reply = match args {
            Ok(args) => make(self.session, args),
            Err(error) => Err(error),
        };
        match reply {
            Ok(reply) => {
                if let Err(error) = self.server.reply::<P>(self.request, &reply) {
                    self.refuse(&Failure::internal(error.to_string()));
                }
            }
            Err(failure) => self.refuse(&failure),
        }
    }

    fn refuse(&mut self, failure: &Failure) {
        let error = failure.of(self.session.host.driver);
        self.server.refuse(self.request, &error);
    }
}

/// What is listed, if it is asked for, and how much that is.
fn listed<T>(all: impl Iterator<Item = T>, need_results: i32) -> (Vec<T>, u32) {
    let all: Vec<T> = all.collect();
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    match need_results {
        0 => (Vec::new(), count),
        _ => (all, count),
    }
}

/// Answers one of these procedures, and says whether it was one.
macro_rules! one_of {
    ($call:ident, $($procedure:ident => $make:expr,)*) => {{
        let request = $call.request;
        $(if request.is::<$procedure>() {
            $call.with::<$procedure>($make);
            return true;
        })*
        false
    }};
}
use one_of;
