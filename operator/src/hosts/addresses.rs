//! The addresses that a running guest is known to have.

use std::time::Duration;

use drover_core::addresses::{Seen, Source};
use drover_core::observed::domain::ObservedDomain;
use drover_rpc::objects::DhcpLease;
use drover_rpc::{Client, Network};

use super::inventory::HostHandle;
use super::{HostError, domain_ref, network_ref};

// virDomainInterfaceAddressesSource.
const AGENT: u32 = 1;
const ARP: u32 = 2;
// A guest that does not answer holds nobody up.
const PATIENCE: Duration = Duration::from_secs(1);

impl HostHandle {
    /// What a network's DHCP server has given to all or to one MAC address; nothing, if it has none.
    ///
    /// # Errors
    /// When the host cannot be asked.
    pub async fn leases(
        &self,
        network: &str,
        mac: Option<&str>,
    ) -> Result<Vec<DhcpLease>, HostError> {
        let Some(uuid) = self.read(|i| i.networks.get(network).map(|(uuid, _)| *uuid)) else {
            return Ok(Vec::new());
        };
        let client = self.client()?;
        let network = Network::from_wire(&client, network_ref(network, uuid));
        match network.dhcp_leases(mac).await {
            Err(error) if error.libvirt().is_some() => Ok(Vec::new()),
            other => other.map_err(self.failed("reading leases")),
        }
    }

    /// Who has seen which addresses of a running domain. `places` are the networks that it is in, and
    /// its MAC addresses there. Whoever does not answer has seen none.
    pub async fn addresses(&self, domain: &ObservedDomain, places: &[(&str, &str)]) -> Vec<Seen> {
        let Ok(client) = self.client() else {
            return Vec::new();
        };
        let mut seen = Vec::new();
        for (network, mac) in places {
            let leases = self.leases(network, Some(mac)).await.unwrap_or_default();
            seen.extend(leases.into_iter().filter_map(leased));
        }
        seen.extend(told(&client, domain, ARP, Source::Arp).await);
        let agent = domain.live.as_ref().is_some_and(|live| live.agent);
        if agent {
            let client = client.with_deadline(PATIENCE);
            seen.extend(told(&client, domain, AGENT, Source::Agent).await);
        }
        seen
    }
}

fn leased(lease: DhcpLease) -> Option<Seen> {
    let now = std::time::SystemTime::now();
    let left = lease.expires.map(|end| {
        let left = end.duration_since(now);
        left.map_or(0, |left| left.as_secs())
    });
    Some(Seen {
        mac: lease.mac?.to_lowercase(),
        ip: lease.address,
        source: Source::Lease,
        left,
    })
}

async fn told(client: &Client, domain: &ObservedDomain, from: u32, source: Source) -> Vec<Seen> {
    let domain = domain_ref(&domain.name, domain.uuid);
    let interfaces = match client.domain_interface_addresses(domain, from, 0).await {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::debug!(%error, "no addresses from there");
            return Vec::new();
        }
    };
    let all = interfaces.into_iter().filter_map(|interface| {
        let mac = interface.hwaddr?.to_string().to_lowercase();
        Some((mac, interface.addrs))
    });
    let seen = all.flat_map(|(mac, addresses)| {
        let of_one = addresses.into_iter();
        of_one.map(move |address| Seen {
            mac: mac.clone(),
            ip: address.addr.to_string(),
            source,
            left: None,
        })
    });
    seen.collect()
}
