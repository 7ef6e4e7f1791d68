//! The connection itself.

use crate::case::Driver::Qemu;
use crate::case::{Case, same};

const CPU: &str = "<cpu><arch>x86_64</arch><model>qemu64</model></cpu>";

pub(crate) const CASES: &[Case] = &[
        same!(CONNECT_GET_TYPE, "c.getType()", |h| h.client.connect_get_type()),
        same!(CONNECT_GET_VERSION, "c.getVersion()", |h| h.client.connect_get_version()),
        same!(CONNECT_GET_LIB_VERSION, "c.getLibVersion()", |h| h.client.connect_get_lib_version()),
        same!(CONNECT_GET_HOSTNAME, "c.getHostname()", |h| h.client.connect_get_hostname()),
        // Each side has its own way to the server in the URI.
        same!(CONNECT_GET_URI, "c.getURI().split(':')[0].split('+')[0]", |h| h.client.connect_get_uri(),
            |uri| uri.to_string().split(':').next().unwrap().to_owned()),
        same!(CONNECT_GET_CAPABILITIES, "c.getCapabilities()", |h| h.client.connect_get_capabilities()),
        same!(CONNECT_GET_SYSINFO, "c.getSysinfo()", |h| h.client.connect_get_sysinfo(0)),
        same!(CONNECT_GET_MAX_VCPUS, "c.getMaxVcpus(None)", |h| h.client.connect_get_max_vcpus(None)),
        same!(CONNECT_GET_MAX_VCPUS, "c.getMaxVcpus('qemu')", |h| h.client.connect_get_max_vcpus(Some("qemu".into()))),
        same!(CONNECT_GET_MAX_VCPUS, "c.getMaxVcpus('nothing')", |h| h.client.connect_get_max_vcpus(Some("nothing".into()))),
        // Over TCP in the clear, whatever the server says of itself.
        same!(CONNECT_IS_SECURE, "c.isSecure()", |h| h.client.is_secure(), |r| i32::from(r)),
        same!(CONNECT_COMPARE_CPU, "c.compareCPU('<cpu><arch>x86_64</arch><model>qemu64</model></cpu>')",
            |h| h.client.connect_compare_cpu(CPU, 0)),
        same!(CONNECT_COMPARE_CPU, "c.compareCPU('<cpu')", |h| h.client.connect_compare_cpu("<cpu", 0)),
        same!(CONNECT_BASELINE_CPU, "c.baselineCPU(['<cpu><arch>x86_64</arch><model>qemu64</model></cpu>'])",
            |h| h.client.connect_baseline_cpu(vec![CPU.into()], 0)),
        same!(CONNECT_COMPARE_HYPERVISOR_CPU,
            "c.compareHypervisorCPU(None, None, None, 'qemu', '<cpu><arch>x86_64</arch><model>qemu64</model></cpu>')",
            |h| h.client.connect_compare_hypervisor_cpu(None, None, None, Some("qemu".into()), CPU, 0)),
        same!(CONNECT_BASELINE_HYPERVISOR_CPU,
            "c.baselineHypervisorCPU(None, None, None, 'qemu', ['<cpu><arch>x86_64</arch><model>qemu64</model></cpu>'])",
            |h| h.client.connect_baseline_hypervisor_cpu(None, None, None, Some("qemu".into()), vec![CPU.into()], 0)),
        same!(CONNECT_GET_CPU_MODEL_NAMES, "c.getCPUModelNames('x86_64')",
            |h| h.client.connect_get_cpu_model_names("x86_64", 1, 0), |r| r.models),
        same!(CONNECT_GET_CPU_MODEL_NAMES, "c.getCPUModelNames('nothing')",
            |h| h.client.connect_get_cpu_model_names("nothing", 1, 0), |r| r.models),
        same!(CONNECT_GET_DOMAIN_CAPABILITIES, "c.getDomainCapabilities(None, 'x86_64', None, 'qemu')",
            |h| h.client.connect_get_domain_capabilities(None, Some("x86_64".into()), None, Some("qemu".into()), 0)),
        same!(CONNECT_GET_STORAGE_POOL_CAPABILITIES, "c.getStoragePoolCapabilities()",
            |h| h.client.connect_get_storage_pool_capabilities(0)),
        same!(CONNECT_FIND_STORAGE_POOL_SOURCES, "c.findStoragePoolSources('dir', None)",
            |h| h.client.connect_find_storage_pool_sources("dir", None, 0)),
        same!(CONNECT_FIND_STORAGE_POOL_SOURCES, "c.findStoragePoolSources('logical', None)",
            |h| h.client.connect_find_storage_pool_sources("logical", None, 0)),
        same!(CONNECT_DOMAIN_XML_FROM_NATIVE, "c.domainXMLFromNative('qemu-argv', 'qemu -m 1')",
            |h| h.client.connect_domain_xml_from_native("qemu-argv", "qemu -m 1", 0)),
        same!(CONNECT_DOMAIN_XML_TO_NATIVE, "c.domainXMLToNative('qemu-argv', '<domain')",
            |h| h.client.connect_domain_xml_to_native("qemu-argv", "<domain", 0)),
        same!(CONNECT_DOMAIN_XML_TO_NATIVE, "c.domainXMLToNative('qemu-argv', '<domain type=\"qemu\"><name>x</name><memory>9000</memory><os><type>hvm</type></os></domain>').count('-')",
            |h| h.client.connect_domain_xml_to_native("qemu-argv", "<domain type=\"qemu\"><name>x</name><memory>9000</memory><os><type>hvm</type></os></domain>", 0),
            |r| r.to_string().matches('-').count() as u64).shape(),
        same!(CONNECT_SET_IDENTITY, "c.setIdentity({'user-name': 'joe'})",
            |h| h.client.connect_set_identity(drover_rpc::TypedParams::new().with_str("user-name", "joe").into_wire(), 0)).only(Qemu),
        same!(CONNECT_GET_ALL_DOMAIN_STATS, "c.domainListGetStats([d], libvirt.VIR_DOMAIN_STATS_STATE)",
            |h| h.client.connect_get_all_domain_stats(vec![h.d()?], 1, 0), |r| stats(r)),
        same!(CONNECT_GET_ALL_DOMAIN_STATS, "c.domainListGetStats([d], 0)",
            |h| h.client.connect_get_all_domain_stats(vec![h.d()?], 0, 0), |r| stats(r)).shape(),
        same!(INTERFACE_CHANGE_BEGIN, "(c.changeBegin(), c.changeRollback())[0]", |h| async {
            h.client.interface_change_begin(0).await?;
            h.client.interface_change_rollback(0).await
        }),
        same!(INTERFACE_CHANGE_COMMIT, "c.changeCommit()", |h| h.client.interface_change_commit(0)),
        same!(INTERFACE_CHANGE_ROLLBACK, "c.changeRollback()", |h| h.client.interface_change_rollback(0)),
];

fn stats(records: Vec<drover_rpc::proto::remote::DomainStatsRecord>) -> serde_json::Value {
    use crate::plain::{Plain, params};
    let records = records.into_iter();
    records
        .map(|record| serde_json::json!([record.dom.plain(), params(record.params)]))
        .collect()
}
