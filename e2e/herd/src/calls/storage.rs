//! What is asked of pools and their volumes.

use drover_rpc_proto::remote::procedures::{
    ConnectListAllStoragePools, StoragePoolCreate, StoragePoolDefineXml, StoragePoolDelete,
    StoragePoolDestroy, StoragePoolGetInfo, StoragePoolGetXmlDesc, StoragePoolListAllVolumes,
    StoragePoolLookupByName, StoragePoolRefresh, StoragePoolUndefine, StorageVolCreateXml,
    StorageVolDelete, StorageVolGetInfo, StorageVolGetPath, StorageVolGetXmlDesc,
    StorageVolLookupByName, StorageVolLookupByPath, StorageVolResize,
};
use drover_rpc_proto::remote::{
    ConnectListAllStoragePoolsRet, StoragePoolDefineXmlRet, StoragePoolGetXmlDescRet,
    StoragePoolListAllVolumesRet, StoragePoolLookupByNameRet, StorageVol, StorageVolCreateXmlRet,
    StorageVolGetInfoRet, StorageVolGetPathRet, StorageVolGetXmlDescRet, StorageVolLookupByNameRet,
    StorageVolLookupByPathRet,
};

use super::{Call, listed, one_of};
use crate::host::{Failure, Pool, State, Volume};

pub(super) fn answer(call: &mut Call<'_>) -> bool {
    pools(call) || volumes(call) || changes(call)
}

fn pools(call: &mut Call<'_>) -> bool {
    one_of!(call,
        ConnectListAllStoragePools => |session, args| {
            if args.flags != 0 {
                return Err(Failure::unsupported("lists of some pools"));
            }
            let state = session.host.state();
            let (pools, ret) = listed(state.pools.values().map(Pool::wire), args.need_results);
            Ok(ConnectListAllStoragePoolsRet { pools, ret })
        },
        StoragePoolLookupByName => |session, args| {
            let name = args.name.to_string_lossy();
            let state = session.host.state();
            let found = state.pools.values().find(|it| *it.name == *name);
            let pool = found.map(Pool::wire).ok_or_else(|| Failure::no_pool(name))?;
            Ok(StoragePoolLookupByNameRet { pool })
        },
        StoragePoolGetInfo => |session, args| Ok(session.host.state().pool(&args.pool)?.info()),
        StoragePoolGetXmlDesc => |session, args| {
            let mut state = session.host.state();
            let xml = (&*state.pool(&args.pool)?.text).into();
            Ok(StoragePoolGetXmlDescRet { xml })
        },
        StoragePoolListAllVolumes => |session, args| {
            let mut state = session.host.state();
            let pool = state.running_pool(&args.pool)?;
            let vols = pool.volumes.keys().map(|name| pool.volume(name));
            let (vols, ret) = listed(vols, args.need_results);
            Ok(StoragePoolListAllVolumesRet { vols, ret })
        },
    )
}

// What this makes of a volume that is there.
fn with<T>(
    state: &mut State,
    named: &StorageVol,
    make: impl FnOnce(&Pool, &str, &Volume) -> T,
) -> Result<T, Failure> {
    let name = named.name.to_string_lossy();
    let pool = &*state.pool_of(named)?;
    let volume = pool.volumes.get(&*name);
    let volume = volume.ok_or_else(|| Failure::no_volume(&name))?;
    Ok(make(pool, &name, volume))
}

fn volumes(call: &mut Call<'_>) -> bool {
    one_of!(call,
        StorageVolLookupByName => |session, args| {
            let name = args.name.to_string_lossy();
            let mut state = session.host.state();
            let pool = state.running_pool(&args.pool)?;
            let there = pool.volumes.contains_key(&*name);
            let vol = there.then(|| pool.volume(&name));
            let vol = vol.ok_or_else(|| Failure::no_volume(&name))?;
            Ok(StorageVolLookupByNameRet { vol })
        },
        StorageVolLookupByPath => |session, args| {
            let path = args.path.to_string_lossy();
            let state = session.host.state();
            let running = state.pools.values().filter(|pool| pool.active);
            let mut found = running.filter_map(|pool| {
                let mut names = pool.volumes.keys();
                let name = names.find(|name| pool.path(name) == *path)?;
                Some(pool.volume(name))
            });
            let vol = found.next().ok_or_else(|| Failure::no_volume(&path))?;
            Ok(StorageVolLookupByPathRet { vol })
        },
        StorageVolGetInfo => |session, args| {
            with(&mut session.host.state(), &args.vol, |_, _, volume| StorageVolGetInfoRet {
                type_: 0,
                capacity: volume.capacity,
                allocation: volume.allocation,
            })
        },
        StorageVolGetPath => |session, args| {
            with(&mut session.host.state(), &args.vol, |pool, name, _| StorageVolGetPathRet {
                name: pool.path(name).as_str().into(),
            })
        },
        StorageVolGetXmlDesc => |session, args| {
            with(&mut session.host.state(), &args.vol, |pool, name, volume| {
                let xml = pool.describe(name, volume).as_str().into();
                StorageVolGetXmlDescRet { xml }
            })
        },
    )
}

fn changes(call: &mut Call<'_>) -> bool {
    one_of!(call,
        StoragePoolDefineXml => |session, args| {
            if args.flags != 0 {
                return Err(Failure::unsupported("pools that are checked by a schema"));
            }
            let pool = session.host.state().define_pool(&args.xml.to_string_lossy())?;
            Ok(StoragePoolDefineXmlRet { pool })
        },
        StoragePoolCreate => |session, args| {
            session.host.state().start_pool(&args.pool, args.flags)
        },
        StoragePoolDestroy => |session, args| session.host.state().stop_pool(&args.pool),
        StoragePoolUndefine => |session, args| session.host.state().undefine_pool(&args.pool),
        StoragePoolDelete => |session, args| session.host.state().delete_pool(&args.pool),
        StoragePoolRefresh => |session, args| {
            session.host.state().refresh_pool(&args.pool, args.flags)
        },
        StorageVolCreateXml => |session, args| {
            let vol = session.host.state().create_volume(&args)?;
            Ok(StorageVolCreateXmlRet { vol })
        },
        StorageVolDelete => |session, args| {
            session.host.state().delete_volume(&args.vol, args.flags)
        },
        StorageVolResize => |session, args| session.host.state().resize_volume(&args),
    )
}
