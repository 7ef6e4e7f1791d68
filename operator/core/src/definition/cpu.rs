//! A machine's CPU by itself, as libvirt compares it with a host's.

use crate::desired::machine::{DesiredCpu, is_cpu_mode};
use crate::xml::Element;

/// The CPU of a machine that names a model of its own: as XML. One that is the host's own, whatever that
/// is, can be had on every host.
#[must_use]
pub fn compared_cpu(cpu: &DesiredCpu) -> Option<String> {
    let model = cpu.model.as_deref()?;
    if is_cpu_mode(model) {
        return None;
    }
    let mut element = Element::new("cpu")
        .attribute("mode", "custom")
        .attribute("match", "exact")
        .child(Element::text("model", model));
    for (name, policy) in &cpu.features {
        let feature = Element::new("feature").attribute("policy", *policy);
        element.push(feature.attribute("name", name.as_str()));
    }
    Some(element.to_string())
}

#[cfg(test)]
mod tests {
    use super::compared_cpu;
    use crate::desired::machine::DesiredCpu;

    fn cpu(model: Option<&str>, features: &[(&str, &'static str)]) -> DesiredCpu {
        let features = features.iter();
        DesiredCpu {
            sockets: 1,
            cores: 1,
            threads: 1,
            max_sockets: None,
            model: model.map(str::to_owned),
            features: features
                .map(|(name, policy)| ((*name).to_owned(), *policy))
                .collect(),
        }
    }

    #[test]
    fn a_named_model_is_compared_with_its_features() {
        let xml = compared_cpu(&cpu(Some("Haswell"), &[("vmx", "require")])).unwrap();
        let bare: String = xml.lines().map(str::trim).collect();
        let bare = bare.replace('"', "'");
        assert_eq!(
            bare,
            "<cpu mode='custom' match='exact'><model>Haswell</model>\
             <feature policy='require' name='vmx'/></cpu>"
        );
        for own in [None, Some("host-model"), Some("host-passthrough")] {
            assert_eq!(compared_cpu(&cpu(own, &[])), None);
        }
    }
}
