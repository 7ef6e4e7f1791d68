//! How a pool's hosts log on where its storage is: by a Secret of the operator's own namespace, which
//! becomes a libvirt secret on each of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drover_core::desired::pool::{DesiredPool, Login};
use drover_core::plan::Verdict;
use drover_core::xml::secret_xml;
use drover_crds::StoragePool;
use drover_crds::condition::Reason;
use drover_crds::storage_pool::PoolType;

use crate::ctx::Ctx;
use crate::hosts::secrets::HostSecret;
use crate::reconcile::Again;
use crate::secrets::Found;

const FIELD: &str = "spec.source.authSecretRef";

/// What the hosts are given, of a pool that needs it, and the pool's definition with it.
pub(super) async fn read(
    ctx: &Ctx,
    object: &StoragePool,
    desired: &mut DesiredPool,
) -> Result<Option<HostSecret>, (Verdict, Again)> {
    let named = object.spec.source.as_ref();
    let named = named.and_then(|source| source.auth_secret_ref.as_ref());
    let Some(named) = named.filter(|_| desired.managed) else {
        return Ok(None);
    };
    let found = ctx.secrets.read_own(&ctx.client, &named.name).await;
    let data = match found {
        Ok(Found::Data(data)) => Ok(data),
        Ok(Found::Missing) => Err(missing(&named.name, "is not there")),
        Ok(Found::Denied | Found::Closed) => Err(missing(&named.name, "may not be read")),
        Err(error) => Err(Verdict::new(Reason::RetryLater, error.to_string())),
    };
    let login = data.and_then(|data| of(desired.type_, &named.name, &data));
    let (username, value) = login.map_err(|verdict| {
        let again = ctx.secrets.again(ctx.secrets.own(), &[&named.name]);
        (verdict, Again::After(again))
    })?;
    desired.login = Some(Login { username });
    Ok(secret_xml(desired, &ctx.fleet).map(|xml| HostSecret {
        uuid: desired.secret_uuid,
        xml,
        value,
    }))
}

fn missing(name: &str, what: &str) -> Verdict {
    let message = format!("{FIELD}: Secret {name} of the operator's namespace {what}");
    Verdict::new(Reason::SecretMissing, message)
}

// The name and the value. Ceph writes its keys in base64, and libvirt wants what that stands for.
fn of(
    type_: PoolType,
    name: &str,
    data: &[(String, Vec<u8>)],
) -> Result<(String, Vec<u8>), Verdict> {
    let ceph = type_ == PoolType::Rbd;
    let find = |key: &str| {
        let found = data.iter().find(|(it, _)| it == key);
        let value = found.map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    };
    let lacks = |key: &str| missing(name, &format!("has no key {key}"));
    let username = find("username").ok_or_else(|| lacks("username"))?;
    let username = String::from_utf8(username).ok();
    let username = username.filter(|text| is_plain(text)).ok_or_else(|| {
        let message = format!(
            "{FIELD}: username in Secret {name}: 1 to 255 printable characters without blanks are allowed"
        );
        Verdict::new(Reason::SourceRefused, message)
    })?;
    let key = if ceph { "key" } else { "password" };
    let value = find(key).ok_or_else(|| lacks(key))?;
    let value = match ceph {
        true => STANDARD.decode(value.trim_ascii()).map_err(|_| {
            let message = format!("{FIELD}: key in Secret {name} is no base64, as Ceph writes it");
            Verdict::new(Reason::SourceRefused, message)
        })?,
        false => value,
    };
    Ok((username, value))
}

fn is_plain(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use drover_crds::storage_pool::PoolType;

    use super::of;

    #[test]
    fn what_is_wrong_is_named_and_not_shown() {
        let read = |type_, pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            let data: Vec<_> = pairs
                .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
                .collect();
            of(type_, "san", &data)
        };
        let chap = read(
            PoolType::Iscsi,
            &[("username", "u"), ("password", "hunter2")],
        );
        assert_eq!(chap.unwrap(), ("u".to_owned(), b"hunter2".to_vec()));
        let ceph = read(PoolType::Rbd, &[("username", "u"), ("key", "AQID\n")]);
        assert_eq!(ceph.unwrap(), ("u".to_owned(), vec![1, 2, 3]));
        for (type_, pairs, expected) in [
            (PoolType::Rbd, &[("username", "u")][..], "has no key key"),
            (PoolType::Iscsi, &[("username", "u")], "has no key password"),
            (
                PoolType::Iscsi,
                &[("password", "hunter2")],
                "has no key username",
            ),
            (
                PoolType::Iscsi,
                &[("username", "a b"), ("password", "hunter2")],
                "username in Secret san",
            ),
            (
                PoolType::Rbd,
                &[("username", "u"), ("key", "hunter2!")],
                "is no base64",
            ),
        ] {
            let message = read(type_, pairs).unwrap_err().message;
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
