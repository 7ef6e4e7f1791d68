//! Virtual CPUs, and the CPUs of the host they may use.

use std::fmt;
use std::time::Duration;

use crate::enums::VcpuState;
use crate::error::Error;
use crate::flags::{DomainModificationImpact, DomainVcpuFlags};
use crate::objects::Domain;
use crate::objects::handle::calls;
use crate::typed::TypedParams;

/// The most CPUs that one `DOMAIN_GET_CPU_STATS` may ask for.
const CPU_STATS_MAX: u32 = 128;

/// A set of CPUs of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CpuSet(Vec<u8>);

impl CpuSet {
    /// From libvirt's map: CPU 0 is the lowest bit of the first byte.
    #[must_use]
    pub fn from_map(map: &[u8]) -> Self {
        Self(map.to_vec())
    }

    /// libvirt's map.
    #[must_use]
    pub fn to_map(&self) -> Vec<u8> {
        self.0.clone()
    }

    /// Whether it has this CPU.
    #[must_use]
    pub fn contains(&self, cpu: usize) -> bool {
        let byte = self.0.get(cpu / 8).copied().unwrap_or(0);
        byte & (1 << (cpu % 8)) != 0
    }

    /// The CPUs, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 8).filter(|cpu| self.contains(*cpu))
    }
}

impl FromIterator<u16> for CpuSet {
    fn from_iter<T: IntoIterator<Item = u16>>(cpus: T) -> Self {
        let mut map = Vec::new();
        for cpu in cpus.into_iter().map(usize::from) {
            if map.len() <= cpu / 8 {
                map.resize(cpu / 8 + 1, 0);
            }
            if let Some(byte) = map.get_mut(cpu / 8) {
                *byte |= 1 << (cpu % 8);
            }
        }
        Self(map)
    }
}

/// As in XML: `0-3,8`.
impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.iter().peekable();
        let mut gap = "";
        while let Some(first) = cpus.next() {
            let mut last = first;
            while let Some(next) = cpus.next_if_eq(&(last + 1)) {
                last = next;
            }
            write!(f, "{gap}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            gap = ",";
        }
        Ok(())
    }
}

/// What a virtual CPU does and where (`virVcpuInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcpuPlace {
    /// Its number.
    pub number: u32,
    /// What it does.
    pub state: VcpuState,
    /// The CPU time it has used.
    pub cpu_time: Duration,
    /// The CPU of the host it was last on, if that is known.
    pub cpu: Option<u32>,
    /// The CPUs it may use.
    pub may_use: CpuSet,
}

calls! {
    Domain;

    /// How many virtual CPUs it has, or may have: the flags say which number.
    virDomainGetVcpusFlags: vcpu_count(flags: DomainVcpuFlags) -> u32
        = domain_get_vcpus_flags(flags.bits());

    /// Gives it as many virtual CPUs.
    virDomainSetVcpusFlags: set_vcpu_count(count: u32, flags: DomainVcpuFlags) -> ()
        = domain_set_vcpus_flags(count, flags.bits());

    /// Plugs these virtual CPUs (`1-3`) in, or out.
    virDomainSetVcpu: set_vcpu(vcpus: &str, enabled: bool, flags: DomainModificationImpact) -> ()
        = domain_set_vcpu(vcpus, enabled.into(), flags.bits());

    /// The most virtual CPUs that it may have.
    virDomainGetMaxVcpus: max_vcpus() -> u32 = domain_get_max_vcpus();

    /// Which CPUs of the host a virtual CPU may use.
    virDomainPinVcpuFlags: pin_vcpu(
        vcpu: u32, cpus: &CpuSet, flags: DomainModificationImpact,
    ) -> () = domain_pin_vcpu_flags(vcpu, cpus.to_map(), flags.bits());

    /// Which CPUs of the host the emulator may use.
    virDomainPinEmulator: pin_emulator(cpus: &CpuSet, flags: DomainModificationImpact) -> ()
        = domain_pin_emulator(cpus.to_map(), flags.bits());

    /// Which CPUs of the host an I/O thread may use.
    virDomainPinIOThread: pin_iothread(
        id: u32, cpus: &CpuSet, flags: DomainModificationImpact,
    ) -> () = domain_pin_iothread(id, cpus.to_map(), flags.bits());

    /// Adds an I/O thread.
    virDomainAddIOThread: add_iothread(id: u32, flags: DomainModificationImpact) -> ()
        = domain_add_iothread(id, flags.bits());

    /// Takes an I/O thread away.
    virDomainDelIOThread: delete_iothread(id: u32, flags: DomainModificationImpact) -> ()
        = domain_del_iothread(id, flags.bits());

    /// Changes an I/O thread; the parameters are `fields::DOMAIN_IOTHREAD_*`.
    virDomainSetIOThreadParams: set_iothread(
        id: u32, params: TypedParams, flags: DomainModificationImpact,
    ) -> () = domain_set_iothread_params(id, params.into_wire(), flags.bits());

    /// The virtual CPUs as the guest has them, by its agent.
    virDomainGetGuestVcpus: guest_vcpus() -> TypedParams = domain_get_guest_vcpus(0);

    /// Has the guest switch these virtual CPUs (`1-3`) on or off, by its agent.
    virDomainSetGuestVcpus: set_guest_vcpus(vcpus: &str, enabled: bool) -> ()
        = domain_set_guest_vcpus(vcpus, enabled.into(), 0);
}

impl Domain {
    /// What each virtual CPU of a running domain does, and where.
    ///
    /// libvirt's `virDomainGetVcpus`, with maps as wide as the host.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn vcpus(&self) -> Result<Vec<VcpuPlace>, Error> {
        let width = self.map_width().await?;
        let count = self.client.domain_get_info(self.key()).await?.nr_virt_cpu;
        let answer = self
            .client
            .domain_get_vcpus(self.key(), count.into(), width)
            .await?;
        let mut maps = answer
            .cpumaps
            .chunks(usize::try_from(width).unwrap_or(1).max(1));
        let place = |info: drover_rpc_proto::remote::VcpuInfo| VcpuPlace {
            number: info.number,
            state: VcpuState(info.state),
            cpu_time: Duration::from_nanos(info.cpu_time),
            cpu: u32::try_from(info.cpu).ok(),
            may_use: CpuSet::from_map(maps.next().unwrap_or_default()),
        };
        Ok(answer.info.into_iter().map(place).collect())
    }

    /// Which CPUs of the host each virtual CPU may use.
    ///
    /// libvirt's `virDomainGetVcpuPinInfo`, with maps as wide as the host.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn vcpu_pins(&self, flags: DomainModificationImpact) -> Result<Vec<CpuSet>, Error> {
        let width = self.map_width().await?;
        let counted = DomainVcpuFlags::from_bits_retain(flags.bits()) | DomainVcpuFlags::MAXIMUM;
        let count = self.vcpu_count(counted).await?;
        let answer = self
            .client
            .domain_get_vcpu_pin_info(
                self.key(),
                i32::try_from(count).unwrap_or(i32::MAX),
                width,
                flags.bits(),
            )
            .await?;
        let maps = answer
            .cpumaps
            .chunks(usize::try_from(width).unwrap_or(1).max(1));
        let pinned = usize::try_from(answer.num).unwrap_or(0);
        Ok(maps.take(pinned).map(CpuSet::from_map).collect())
    }

    /// Which CPUs of the host the emulator may use.
    ///
    /// libvirt's `virDomainGetEmulatorPinInfo`, with a map as wide as the host.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn emulator_pins(&self, flags: DomainModificationImpact) -> Result<CpuSet, Error> {
        let width = self.map_width().await?;
        let call = self
            .client
            .domain_get_emulator_pin_info(self.key(), width, flags.bits());
        Ok(CpuSet::from_map(&call.await?.cpumaps))
    }

    /// The I/O threads, by number, and which CPUs of the host each may use.
    ///
    /// libvirt's `virDomainGetIOThreadInfo`.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn iothreads(
        &self,
        flags: DomainModificationImpact,
    ) -> Result<Vec<(u32, CpuSet)>, Error> {
        let call = self
            .client
            .domain_get_iothread_info(self.key(), flags.bits());
        let threads = call.await?.info.into_iter();
        Ok(threads
            .map(|thread| (thread.iothread_id, CpuSet::from_map(&thread.cpumap)))
            .collect())
    }

    /// The CPU time it has used in all, in ns; see `fields::DOMAIN_CPU_STATS_*`.
    ///
    /// libvirt's `virDomainGetCPUStats` with `start_cpu` -1, called twice.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn cpu_stats_total(&self) -> Result<TypedParams, Error> {
        let stats = self.cpu_stats_from(-1, 1).await?;
        Ok(stats.into_iter().next().unwrap_or_default())
    }

    /// The CPU time it has used on each CPU of the host, in ns; see `fields::DOMAIN_CPU_STATS_*`.
    ///
    /// libvirt's `virDomainGetCPUStats`, 128 CPUs a call.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn cpu_stats(&self) -> Result<Vec<TypedParams>, Error> {
        let flags = self.client.with_strings(0).await?;
        // With no parameters and no CPUs asked for, the answer is how many CPUs there are.
        let asked = self.client.domain_get_cpu_stats(self.key(), 0, 0, 0, flags);
        let cpus = u32::try_from(asked.await?.nparams).unwrap_or(0);
        let mut all = Vec::new();
        let mut next = 0;
        while next < cpus {
            let count = CPU_STATS_MAX.min(cpus - next);
            let first = i32::try_from(next).unwrap_or(i32::MAX);
            all.extend(self.cpu_stats_from(first, count).await?);
            next += count;
        }
        Ok(all)
    }

    async fn cpu_stats_from(&self, first: i32, cpus: u32) -> Result<Vec<TypedParams>, Error> {
        let flags = self.client.with_strings(0).await?;
        let ask = |count: u32| {
            self.client
                .domain_get_cpu_stats(self.key(), count, first, cpus, flags)
        };
        let count = ask(0).await?.nparams.unsigned_abs();
        if count == 0 {
            return Ok(Vec::new());
        }
        let answer = ask(count).await?;
        let each = usize::try_from(answer.nparams).unwrap_or(0).max(1);
        let of_one = |params: &[_]| TypedParams::from(params.to_vec());
        Ok(answer.params.chunks(each).map(of_one).collect())
    }

    // Maps of CPUs are asked for with their width in bytes.
    async fn map_width(&self) -> Result<i32, Error> {
        let cpus = self.client.node_get_cpu_map(0, 0, 0).await?.ret;
        Ok((cpus.max(1) + 7) / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::CpuSet;

    #[test]
    fn sets_of_cpus() {
        let set: CpuSet = [0, 1, 2, 3, 8, 17, 18].into_iter().collect();
        assert_eq!(set.to_string(), "0-3,8,17-18");
        assert_eq!(set.to_map(), [0b0000_1111, 1, 0b0000_0110]);
        assert_eq!(CpuSet::from_map(&[0x81]).iter().collect::<Vec<_>>(), [0, 7]);
        assert!(set.contains(18) && !set.contains(19) && !set.contains(1000));
        assert_eq!(CpuSet::default().to_string(), "");
    }
}
