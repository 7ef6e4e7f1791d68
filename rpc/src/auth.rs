//! Letting the server know who we are, before anything else can be said.

mod conf;
mod sasl;
mod scram;

use drover_rpc_proto::remote::AuthType;

use crate::client::Client;
use crate::error::Error;
use crate::refusal::Refusal;

impl Client {
    // The list must be asked for even when nothing is needed: root is let in by the question.
    pub(crate) async fn authenticate(&self) -> Result<(), Error> {
        let offered = match self.auth_list().await {
            Ok(types) => types,
            Err(error) if error.not_supported() => return Ok(()),
            Err(error) => return Err(error),
        };
        let wanted = self.shared.uri.parameter("auth").unwrap_or_default();
        match choose(&offered, wanted)? {
            AuthType::NONE => Ok(()),
            AuthType::POLKIT => self.auth_polkit().await.map(drop),
            _ => {
                let mechanism = wanted.split_once('.').map(|(_, mechanism)| mechanism);
                sasl::authenticate(self, mechanism).await
            }
        }
    }
}

/// The server's own order counts, as with libvirt's client; `auth=` of the URI picks from it.
fn choose(offered: &[AuthType], wanted: &str) -> Result<AuthType, Refusal> {
    let kind = wanted.split('.').next().unwrap_or_default();
    let known = [
        (AuthType::NONE, "none"),
        (AuthType::SASL, "sasl"),
        (AuthType::POLKIT, "polkit"),
    ];
    if offered.is_empty() {
        return Ok(AuthType::NONE);
    }
    let suits = |type_: &AuthType| {
        known
            .iter()
            .any(|(other, name)| other == type_ && (kind.is_empty() || kind == *name))
    };
    let refusal = || Refusal::NoMechanism {
        offered: offered.iter().map(|type_| format!("{type_:?}")).collect(),
        allowed: match kind {
            "" => "none, sasl and polkit".to_owned(),
            kind => kind.to_owned(),
        },
    };
    offered.iter().copied().find(suits).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_offers_and_the_uri_picks() {
        let both = [AuthType::SASL, AuthType::POLKIT];
        assert_eq!(choose(&[], "").unwrap(), AuthType::NONE);
        assert_eq!(choose(&both, "").unwrap(), AuthType::SASL);
        assert_eq!(choose(&both, "polkit").unwrap(), AuthType::POLKIT);
        let picked = choose(&both, "sasl.scram-sha-256").unwrap();
        assert_eq!(picked, AuthType::SASL);
        let said = choose(&both, "none").unwrap_err().to_string();
        assert!(said.contains("SASL") && said.contains("none"), "{said}");
        assert!(choose(&[AuthType(9)], "").is_err());
    }
}
