//! Network filters and where they are bound.

use std::borrow::Cow;

use drover_rpc_proto::remote;
use uuid::Uuid;

use crate::client::Client;
use crate::error::Error;
use crate::flags::{NWFilterBindingCreateFlags, NWFilterDefineFlags};
use crate::objects::handle::{calls, client_calls, object};

object! {
    /// Rules for the packets of guests (`virNWFilter`).
    NwFilter(Nwfilter) key remote::Nwfilter = |filter| filter.wire.clone();
    shown |filter| filter.name()
}

impl NwFilter {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.wire.name.to_string_lossy()
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        Uuid::from_bytes(self.wire.uuid)
    }
}

calls! {
    NwFilter;

    /// Its XML.
    virNWFilterGetXMLDesc: xml() -> String = nwfilter_get_xml_desc(0);

    /// Takes it away; it must not be in use.
    virNWFilterUndefine: undefine() -> () = nwfilter_undefine();
}

object! {
    /// A filter bound to a port of a guest (`virNWFilterBinding`).
    NwFilterBinding(NwfilterBinding) key remote::NwfilterBinding = |binding| binding.wire.clone();
    shown |binding| binding.port()
}

impl NwFilterBinding {
    /// The port's device, such as `vnet0`.
    #[must_use]
    pub fn port(&self) -> Cow<'_, str> {
        self.wire.portdev.to_string_lossy()
    }

    /// The name of its filter.
    #[must_use]
    pub fn filter(&self) -> Cow<'_, str> {
        self.wire.filtername.to_string_lossy()
    }
}

calls! {
    NwFilterBinding;

    /// Its XML.
    virNWFilterBindingGetXMLDesc: xml() -> String = nwfilter_binding_get_xml_desc(0);

    /// Takes the filter off the port.
    virNWFilterBindingDelete: delete() -> () = nwfilter_binding_delete();
}

client_calls! {
    /// All network filters.
    virConnectListAllNWFilters: nwfilters() -> Vec<NwFilter>
        = connect_list_all_nwfilters(1, 0).filters;

    /// The network filter with this name.
    virNWFilterLookupByName: nwfilter(name: &str) -> NwFilter = nwfilter_lookup_by_name(name);

    /// The network filter with this UUID.
    virNWFilterLookupByUUID: nwfilter_by_uuid(uuid: Uuid) -> NwFilter
        = nwfilter_lookup_by_uuid(uuid.into_bytes());

    /// All bindings of filters to ports.
    virConnectListAllNWFilterBindings: nwfilter_bindings() -> Vec<NwFilterBinding>
        = connect_list_all_nwfilter_bindings(1, 0).bindings;

    /// The binding of this port.
    virNWFilterBindingLookupByPortDev: nwfilter_binding(port: &str) -> NwFilterBinding
        = nwfilter_binding_lookup_by_port_dev(port);

    /// Binds a filter to a port.
    virNWFilterBindingCreateXML: create_nwfilter_binding(
        xml: &str, flags: NWFilterBindingCreateFlags,
    ) -> NwFilterBinding = nwfilter_binding_create_xml(xml, flags.bits());
}

impl Client {
    /// Defines a network filter, or changes it; ports that have it follow.
    ///
    /// libvirt's `virNWFilterDefineXML`, or with flags `virNWFilterDefineXMLFlags`, of libvirt 7.7.
    ///
    /// # Errors
    /// What libvirt answers, or why no answer came.
    pub async fn define_nwfilter(
        &self,
        xml: &str,
        flags: NWFilterDefineFlags,
    ) -> Result<NwFilter, Error> {
        let wire = if flags.is_empty() {
            self.nwfilter_define_xml(xml).await
        } else {
            self.nwfilter_define_xml_flags(xml, flags.bits()).await
        };
        wire.map(|wire| NwFilter::from_wire(self, wire))
    }
}
