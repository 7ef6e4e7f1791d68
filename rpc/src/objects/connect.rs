//! The hypervisor behind a connection: versions, capabilities, CPU models.

use crate::enums::CPUCompareResult;
use crate::error::Error;
use crate::flags::{
    ConnectBaselineCPUFlags, ConnectCompareCPUFlags, ConnectGetDomainCapabilitiesFlags,
};
use crate::objects::handle::{Answer, client_calls, optional, string, texts};
use crate::{Client, Transport, TypedParams};

impl Answer<i32> for CPUCompareResult {
    fn answer(wire: i32, _: &Client) -> Self {
        Self(wire)
    }
}

client_calls! {
    /// The name of the hypervisor driver, such as `QEMU`.
    virConnectGetType: hypervisor() -> String = connect_get_type();

    /// The hypervisor's version: a million for the major one, a thousand for the minor one.
    virConnectGetVersion: hypervisor_version() -> u64 = connect_get_version();

    /// The server's version of libvirt: 11003000 is 11.3.0.
    virConnectGetLibVersion: library_version() -> u64 = connect_get_lib_version();

    /// The host's name.
    virConnectGetHostname: hostname() -> String = connect_get_hostname();

    /// The URI that the server has opened.
    virConnectGetURI: server_uri() -> String = connect_get_uri();

    /// What the host can do, as XML.
    virConnectGetCapabilities: capabilities() -> String = connect_get_capabilities();

    /// What guests can have: with this emulator, architecture, machine and virtualisation, or what
    /// is the default. As XML.
    virConnectGetDomainCapabilities: domain_capabilities(
        emulator: Option<&str>, arch: Option<&str>, machine: Option<&str>, virt: Option<&str>,
        flags: ConnectGetDomainCapabilitiesFlags,
    ) -> String = connect_get_domain_capabilities(
        optional(emulator), optional(arch), optional(machine), optional(virt), flags.bits()
    );

    /// What the host's firmware says of it, as XML.
    virConnectGetSysinfo: sysinfo() -> String = connect_get_sysinfo(0);

    /// The most virtual CPUs a domain of this type can have.
    virConnectGetMaxVcpus: max_vcpus(kind: Option<&str>) -> u32
        = connect_get_max_vcpus(optional(kind));

    /// How this CPU, as XML, compares with the host's.
    virConnectCompareCPU: compare_cpu(
        xml: &str, flags: ConnectCompareCPUFlags,
    ) -> CPUCompareResult = connect_compare_cpu(xml, flags.bits());

    /// How this CPU, as XML, compares with what the hypervisor can give.
    virConnectCompareHypervisorCPU: compare_hypervisor_cpu(
        emulator: Option<&str>, arch: Option<&str>, machine: Option<&str>, virt: Option<&str>,
        xml: &str, flags: ConnectCompareCPUFlags,
    ) -> CPUCompareResult = connect_compare_hypervisor_cpu(
        optional(emulator), optional(arch), optional(machine), optional(virt), xml, flags.bits()
    );

    /// The CPU that all of these, as XML, have in common.
    virConnectBaselineCPU: baseline_cpu(cpus: &[&str], flags: ConnectBaselineCPUFlags) -> String
        = connect_baseline_cpu(texts(cpus), flags.bits());

    /// The CPU that all of these have in common and the hypervisor can give.
    virConnectBaselineHypervisorCPU: baseline_hypervisor_cpu(
        emulator: Option<&str>, arch: Option<&str>, machine: Option<&str>, virt: Option<&str>,
        cpus: &[&str], flags: ConnectBaselineCPUFlags,
    ) -> String = connect_baseline_hypervisor_cpu(
        optional(emulator), optional(arch), optional(machine), optional(virt), texts(cpus),
        flags.bits()
    );

    /// Domain XML from a hypervisor's own configuration, in this format.
    virConnectDomainXMLFromNative: domain_xml_from_native(format: &str, config: &str) -> String
        = connect_domain_xml_from_native(format, config, 0);

    /// A hypervisor's own configuration, in this format, from domain XML.
    virConnectDomainXMLToNative: domain_xml_to_native(format: &str, xml: &str) -> String
        = connect_domain_xml_to_native(format, xml, 0);

    /// Says on whose behalf calls are made, `fields::CONNECT_IDENTITY_*`; libvirt's daemons do this.
    virConnectSetIdentity: set_identity(params: TypedParams) -> ()
        = connect_set_identity(params.into_wire(), 0);
}

impl Client {
    /// Whether nobody can listen: neither between here and the server, which is so with TLS, SSH and
    /// within one machine, nor between the server and its hypervisor.
    ///
    /// libvirt's `virConnectIsSecure`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn is_secure(&self) -> Result<bool, Error> {
        let there = self.connect_is_secure().await? != 0;
        Ok(there && self.shared.uri.transport != Transport::Tcp)
    }

    /// The names of the CPU models that libvirt knows of an architecture, such as `x86_64`.
    ///
    /// libvirt's `virConnectGetCPUModelNames`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn cpu_models(&self, arch: &str) -> Result<Vec<String>, Error> {
        let answer = self.connect_get_cpu_model_names(arch, 1, 0).await?;
        Ok(answer.models.iter().map(string).collect())
    }
}
