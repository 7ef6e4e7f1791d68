//! What is asked of networks.

use drover_rpc_proto::remote::procedures::{
    ConnectListAllNetworks, NetworkCreate, NetworkDefineXml, NetworkDestroy, NetworkGetDhcpLeases,
    NetworkGetXmlDesc, NetworkIsActive, NetworkIsPersistent, NetworkLookupByName, NetworkUndefine,
};
use drover_rpc_proto::remote::{
    ConnectListAllNetworksRet, NetworkDefineXmlRet, NetworkGetDhcpLeasesRet, NetworkGetXmlDescRet,
    NetworkIsActiveRet, NetworkIsPersistentRet, NetworkLookupByNameRet,
};

use super::{Call, listed, one_of};
use crate::driver::Driver;
use crate::host::{Failure, Network};

pub(super) fn answer(call: &mut Call<'_>) -> bool {
    looks(call) || changes(call)
}

fn looks(call: &mut Call<'_>) -> bool {
    one_of!(call,
        ConnectListAllNetworks => |session, args| {
            if args.flags != 0 {
                return Err(Failure::unsupported("lists of some networks"));
            }
            let state = session.host.state();
            let nets = state.networks.values().map(Network::wire);
            let (nets, ret) = listed(nets, args.need_results);
            Ok(ConnectListAllNetworksRet { nets, ret })
        },
        NetworkLookupByName => |session, args| {
            let name = args.name.to_string_lossy();
            let state = session.host.state();
            let found = state.networks.values().find(|it| *it.name == *name);
            let net = found.map(Network::wire).ok_or_else(|| Failure::no_network(name))?;
            Ok(NetworkLookupByNameRet { net })
        },
        NetworkIsActive => |session, args| {
            let active = session.host.state().network(&args.net)?.live.is_some();
            Ok(NetworkIsActiveRet { active: active.into() })
        },
        NetworkIsPersistent => |session, args| {
            let persistent = session.host.state().network(&args.net)?.persistent.is_some();
            Ok(NetworkIsPersistentRet { persistent: persistent.into() })
        },
        NetworkGetXmlDesc => |session, args| {
            let mut state = session.host.state();
            let xml = state.describe_network(&args.net, args.flags)?.into();
            Ok(NetworkGetXmlDescRet { xml })
        },
        // No guest asks for an address here.
        NetworkGetDhcpLeases => |session, args| {
            let mut state = session.host.state();
            if state.driver == Driver::Test {
                return Err(Failure::unsupported("leases"));
            }
            state.network(&args.net)?;
            Ok(NetworkGetDhcpLeasesRet { leases: Vec::new(), ret: 0 })
        },
    )
}

fn changes(call: &mut Call<'_>) -> bool {
    one_of!(call,
        NetworkDefineXml => |session, args| {
            let net = session.host.state().define_network(&args.xml.to_string_lossy())?;
            Ok(NetworkDefineXmlRet { net })
        },
        NetworkCreate => |session, args| session.host.state().start_network(&args.net),
        NetworkDestroy => |session, args| session.host.state().stop_network(&args.net),
        NetworkUndefine => |session, args| session.host.state().undefine_network(&args.net),
    )
}
