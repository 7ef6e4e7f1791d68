//! The host.

use serde_json::{Map, Value, json};

use crate::case::{Case, same};
use crate::plain::{characters, hex};

pub(crate) const CASES: &[Case] = &[
    same!(
        NODE_GET_INFO,
        "c.getInfo()",
        |h| h.client.node_get_info(),
        |r| json!([
            // Python tells the memory in MiB.
            characters(&r.model),
            r.memory >> 10,
            r.cpus,
            r.mhz,
            r.nodes,
            r.sockets,
            r.cores,
            r.threads
        ])
    ),
    same!(NODE_GET_FREE_MEMORY, "c.getFreeMemory()", |h| h
        .client
        .node_get_free_memory())
    .shape(),
    same!(
        NODE_GET_CELLS_FREE_MEMORY,
        "c.getCellsFreeMemory(0, 1)",
        |h| h.client.node_get_cells_free_memory(0, 1)
    )
    .shape(),
    same!(
        NODE_GET_CELLS_FREE_MEMORY,
        "c.getCellsFreeMemory(7, 1)",
        |h| h.client.node_get_cells_free_memory(7, 1)
    )
    .shape(),
    same!(
        NODE_GET_SECURITY_MODEL,
        "c.getSecurityModel()",
        |h| h.client.node_get_security_model(),
        |r| json!([characters(&r.model), characters(&r.doi)])
    ),
    same!(
        NODE_GET_CPU_STATS,
        "c.getCPUStats(-1)",
        |h| h.client.node_cpu_stats(None),
        |r| numbers(r)
    )
    .shape(),
    same!(
        NODE_GET_CPU_STATS,
        "c.getCPUStats(0)",
        |h| h.client.node_cpu_stats(Some(0)),
        |r| numbers(r)
    )
    .shape(),
    same!(
        NODE_GET_CPU_STATS,
        "c.getCPUStats(9999)",
        |h| h.client.node_cpu_stats(Some(9999)),
        |r| numbers(r)
    ),
    same!(
        NODE_GET_MEMORY_STATS,
        "c.getMemoryStats(-1)",
        |h| h.client.node_memory_stats(None),
        |r| numbers(r)
    )
    .shape(),
    same!(
        NODE_GET_MEMORY_STATS,
        "c.getMemoryStats(99)",
        |h| h.client.node_memory_stats(Some(99)),
        |r| numbers(r)
    ),
    same!(NODE_GET_MEMORY_PARAMETERS, "c.getMemoryParameters()", |h| h
        .client
        .node_memory_parameters())
    .shape(),
    same!(
        NODE_SET_MEMORY_PARAMETERS,
        "c.setMemoryParameters({'shm_pages_to_scan': 100})",
        |h| h.client.node_set_memory_parameters(
            drover_rpc::TypedParams::new()
                .with_u32("shm_pages_to_scan", 100)
                .into_wire(),
            0
        )
    )
    .code(),
    same!(
        NODE_GET_CPU_MAP,
        "(lambda m: [m[0], bits(m[1]), m[2]])(c.getCPUMap())",
        |h| h.client.node_get_cpu_map(1, 1, 0),
        |r| json!([r.ret, hex(&r.cpumap), r.online])
    ),
    same!(
        NODE_GET_FREE_PAGES,
        "c.getFreePages([4], 0, 1)",
        |h| h.client.node_get_free_pages(vec![4], 0, 1, 0),
        |r| json!({"0": {"4": r[0]}})
    )
    .shape(),
    same!(
        NODE_GET_FREE_PAGES,
        "c.getFreePages([5], 0, 1)",
        |h| h.client.node_get_free_pages(vec![5], 0, 1, 0),
        |r| json!({"0": {"5": r[0]}})
    ),
    same!(NODE_ALLOC_PAGES, "c.allocPages({5: 1}, 0, 1)", |h| h
        .client
        .node_alloc_pages(vec![5], vec![1], 0, 1, 0)),
    same!(NODE_GET_SEV_INFO, "c.getSEVInfo()", |h| h.client.sev_info()),
    // Too short a time is refused before anything sleeps.
    same!(
        NODE_SUSPEND_FOR_DURATION,
        "c.suspendForDuration(0, 1)",
        |h| h.client.node_suspend_for_duration(0, 1, 0)
    ),
    same!(NODE_NUM_OF_DEVICES, "c.numOfDevices(None)", |h| h
        .client
        .node_num_of_devices(None, 0)),
    same!(NODE_NUM_OF_DEVICES, "c.numOfDevices('net')", |h| h
        .client
        .node_num_of_devices(Some("net".into()), 0)),
    same!(NODE_LIST_DEVICES, "c.listDevices(None)", |h| h
        .client
        .node_list_devices(None, 4096, 0)),
    same!(NODE_LIST_DEVICES, "c.listDevices('system')", |h| h
        .client
        .node_list_devices(Some("system".into()), 4096, 0)),
];

/// Named numbers.
fn numbers(of: std::collections::BTreeMap<String, u64>) -> Value {
    let map: Map<String, Value> = of
        .into_iter()
        .map(|(name, number)| (name, json!(number)))
        .collect();
    Value::Object(map)
}
