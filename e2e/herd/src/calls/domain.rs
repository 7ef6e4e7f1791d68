//! What is asked of domains.

use drover_rpc_proto::remote::procedures::{
    ConnectGetAllDomainStats, ConnectListAllDomains, DomainCreateWithFlags, DomainDefineXmlFlags,
    DomainDestroyFlags, DomainGetAutostart, DomainGetInfo, DomainGetState, DomainGetXmlDesc,
    DomainInterfaceAddresses, DomainIsActive, DomainIsPersistent, DomainLookupByName,
    DomainLookupByUuid, DomainReset, DomainResume, DomainSetAutostart, DomainSetMetadata,
    DomainShutdownFlags, DomainSuspend, DomainUndefineFlags,
};
use drover_rpc_proto::remote::{
    ConnectGetAllDomainStatsArgs, ConnectGetAllDomainStatsRet, ConnectListAllDomainsRet,
    DomainCreateWithFlagsRet, DomainDefineXmlFlagsRet, DomainGetAutostartRet, DomainGetInfoRet,
    DomainGetStateRet, DomainGetXmlDescRet, DomainInterfaceAddressesArgs,
    DomainInterfaceAddressesRet, DomainIsActiveRet, DomainIsPersistentRet, DomainLookupByNameRet,
    DomainLookupByUuidRet, DomainStatsRecord, TypedParam, TypedParamValue,
};
use uuid::Uuid;

use super::{Call, listed, one_of};
use crate::host::{Domain, Failure, State};

// VIR_DOMAIN_STATS_STATE.
const STATE: u32 = 1;

pub(super) fn answer(call: &mut Call<'_>) -> bool {
    lists(call) || looks(call) || changes(call)
}

fn lists(call: &mut Call<'_>) -> bool {
    one_of!(call,
        ConnectListAllDomains => |session, args| {
            let state = session.host.state();
            let domains = state.domains.values().filter(|it| it.is_listed(args.flags));
            let (domains, ret) = listed(domains.map(Domain::wire), args.need_results);
            Ok(ConnectListAllDomainsRet { domains, ret })
        },
        ConnectGetAllDomainStats => |session, args| {
            let ret_stats = stats(&session.host.state(), &args)?;
            Ok(ConnectGetAllDomainStatsRet { ret_stats })
        },
        DomainLookupByName => |session, args| {
            let name = args.name.to_string_lossy();
            let state = session.host.state();
            let found = state.domains.values().find(|it| *it.name == *name);
            let dom = found.map(Domain::wire).ok_or_else(|| Failure::no_domain(name))?;
            Ok(DomainLookupByNameRet { dom })
        },
        DomainLookupByUuid => |session, args| {
            let uuid = Uuid::from_bytes(args.uuid);
            let state = session.host.state();
            let found = state.domains.get(&uuid).map(Domain::wire);
            let dom = found.ok_or_else(|| Failure::no_domain(uuid))?;
            Ok(DomainLookupByUuidRet { dom })
        },
    )
}

// Only the state is known here: what else is asked for is refused, and not left out.
fn stats(
    state: &State,
    args: &ConnectGetAllDomainStatsArgs,
) -> Result<Vec<DomainStatsRecord>, Failure> {
    if args.stats != STATE || args.flags != 0 {
        return Err(Failure::unsupported("statistics beside the state"));
    }
    let wanted = |domain: &&Domain| {
        let uuid = domain.uuid.as_bytes();
        args.doms.is_empty() || args.doms.iter().any(|it| it.uuid == *uuid)
    };
    let records = state.domains.values().filter(wanted).map(|domain| {
        let param = |field: &str, value| TypedParam {
            field: field.into(),
            value: TypedParamValue::Int(value),
        };
        DomainStatsRecord {
            dom: domain.wire(),
            params: vec![
                param("state.state", domain.state),
                param("state.reason", domain.reason),
            ],
        }
    });
    Ok(records.collect())
}

fn looks(call: &mut Call<'_>) -> bool {
    one_of!(call,
        DomainGetState => |session, args| {
            let mut state = session.host.state();
            let domain = state.domain(&args.dom)?;
            let (state, reason) = (domain.state, domain.reason);
            Ok(DomainGetStateRet { state, reason })
        },
        DomainIsActive => |session, args| {
            let active = session.host.state().domain(&args.dom)?.is_active();
            Ok(DomainIsActiveRet { active: active.into() })
        },
        DomainIsPersistent => |session, args| {
            let persistent = session.host.state().domain(&args.dom)?.persistent.is_some();
            Ok(DomainIsPersistentRet { persistent: persistent.into() })
        },
        DomainGetAutostart => |session, args| {
            let autostart = session.host.state().domain(&args.dom)?.autostart;
            Ok(DomainGetAutostartRet { autostart: autostart.into() })
        },
        DomainGetInfo => |session, args| {
            let mut state = session.host.state();
            let domain = state.domain(&args.dom)?;
            Ok(DomainGetInfoRet {
                state: u8::try_from(domain.state).unwrap_or_default(),
                max_mem: domain.memory_kib,
                memory: domain.memory_kib,
                nr_virt_cpu: domain.vcpus,
                cpu_time: 0,
            })
        },
        DomainGetXmlDesc => |session, args| {
            let mut state = session.host.state();
            let xml = state.domain(&args.dom)?.describe(args.flags)?.into();
            Ok(DomainGetXmlDescRet { xml })
        },
        DomainInterfaceAddresses => |session, args| {
            let ifaces = addresses(&mut session.host.state(), &args)?;
            Ok(DomainInterfaceAddressesRet { ifaces })
        },
    )
}

// Nobody gives a guest's interfaces addresses here.
fn addresses(
    state: &mut State,
    args: &DomainInterfaceAddressesArgs,
) -> Result<Vec<drover_rpc_proto::remote::DomainInterface>, Failure> {
    let domain = state.domain(&args.dom)?;
    domain.must_be_active()?;
    let live = domain.live.as_deref().unwrap_or_default();
    match live.contains("<interface") {
        true => Err(Failure::unsupported("addresses of interfaces")),
        false => Ok(Vec::new()),
    }
}

fn changes(call: &mut Call<'_>) -> bool {
    one_of!(call,
        DomainDefineXmlFlags => |session, args| {
            let xml = args.xml.to_string_lossy();
            let dom = session.host.state().define(&xml, args.flags)?;
            Ok(DomainDefineXmlFlagsRet { dom })
        },
        DomainCreateWithFlags => |session, args| {
            let dom = session.host.state().start(&args.dom, args.flags)?;
            Ok(DomainCreateWithFlagsRet { dom })
        },
        DomainSuspend => |session, args| session.host.state().suspend(&args.dom),
        DomainResume => |session, args| session.host.state().resume(&args.dom),
        DomainReset => |session, args| session.host.state().reset(&args.dom, args.flags),
        DomainShutdownFlags => |session, args| {
            session.host.state().shut_down(&args.dom, args.flags)
        },
        DomainDestroyFlags => |session, args| {
            session.host.state().destroy(&args.dom, args.flags)
        },
        DomainUndefineFlags => |session, args| {
            session.host.state().undefine(&args.dom, args.flags)
        },
        DomainSetAutostart => |session, args| {
            session.host.state().set_autostart(&args.dom, args.autostart != 0)
        },
        DomainSetMetadata => |session, args| session.host.state().set_metadata(&args),
    )
}
