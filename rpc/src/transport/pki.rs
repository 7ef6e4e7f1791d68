//! Where libvirt's own client looks for certificates.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::credentials::{Credentials, TlsCredentials};
use crate::refusal::Refusal;
use crate::uri::Uri;

/// The four files of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Files {
    ca: PathBuf,
    crl: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// What is given, and for what is not, what is found on this machine.
pub(super) fn complete(credentials: &Credentials, uri: &Uri) -> Result<TlsCredentials, Refusal> {
    let mut tls = credentials.tls.clone();
    if credentials.only_given {
        return Ok(tls);
    }
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|of| of.uid() == 0);
    let home = std::env::var("HOME").ok().filter(|_| !is_root);
    let places = places(uri.parameter("pkipath"), home.as_deref());
    if tls.ca.is_none() {
        tls.ca = first(&places, |files| [&files.ca])?.map(|[ca]| ca);
        tls.crl = match tls.crl {
            None => first(&places, |files| [&files.crl])?.map(|[crl]| crl),
            given => given,
        };
    }
    // A certificate is of no use with another one's key.
    if tls.certificate.is_none() && tls.key.is_none() {
        let pair = first(&places, |files| [&files.certificate, &files.key])?;
        if let Some([certificate, key]) = pair {
            tls.certificate = Some(certificate);
            tls.key = Some(key.into());
        }
    }
    Ok(tls)
}

fn places(pkipath: Option<&str>, home: Option<&str>) -> Vec<Files> {
    let in_one = |folder: PathBuf| Files {
        ca: folder.join("cacert.pem"),
        crl: folder.join("cacrl.pem"),
        certificate: folder.join("clientcert.pem"),
        key: folder.join("clientkey.pem"),
    };
    if let Some(folder) = pkipath {
        return vec![in_one(folder.into())];
    }
    let user = home.map(|home| in_one(Path::new(home).join(".pki/libvirt")));
    let system = Files {
        ca: "/etc/pki/CA/cacert.pem".into(),
        crl: "/etc/pki/CA/cacrl.pem".into(),
        certificate: "/etc/pki/libvirt/clientcert.pem".into(),
        key: "/etc/pki/libvirt/private/clientkey.pem".into(),
    };
    user.into_iter().chain([system]).collect()
}

// The first place that has all of them. What is there and cannot be read is no reason to go on with
// something else.
fn first<const N: usize>(
    places: &[Files],
    pick: impl Fn(&Files) -> [&PathBuf; N],
) -> Result<Option<[Vec<u8>; N]>, Refusal> {
    let Some(found) = places
        .iter()
        .map(&pick)
        .find(|files| files.iter().all(|file| file.exists()))
    else {
        return Ok(None);
    };
    let mut contents = [const { Vec::new() }; N];
    for (content, file) in contents.iter_mut().zip(found) {
        *content = std::fs::read(file)
            .map_err(|error| Refusal::unusable(file.display().to_string(), error))?;
    }
    Ok(Some(contents))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(places: &[Files]) -> Vec<String> {
        let all = places.iter().map(|files| files.ca.display().to_string());
        all.collect()
    }

    #[test]
    fn where_it_is_looked() {
        let (user, system) = ("/home/u/.pki/libvirt/cacert.pem", "/etc/pki/CA/cacert.pem");
        assert_eq!(shown(&places(None, Some("/home/u"))), [user, system]);
        assert_eq!(shown(&places(None, None)), [system]);
        let named = places(Some("/p"), Some("/home/u"));
        assert_eq!(shown(&named), ["/p/cacert.pem"]);
    }

    #[test]
    fn a_certificate_comes_with_its_own_key() {
        let folder = std::env::temp_dir().join(format!("drover-pki-{}", std::process::id()));
        let one = folder.join("one");
        let other = folder.join("other");
        for folder in [&one, &other] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("clientcert.pem"), folder.display().to_string()).unwrap();
        }
        std::fs::write(other.join("clientkey.pem"), "key").unwrap();
        let both = [&one, &other].map(|folder| places(folder.to_str(), None).remove(0));
        let pair = first(&both, |files| [&files.certificate, &files.key]).unwrap();
        let [certificate, key] = pair.unwrap();
        assert_eq!(certificate, other.display().to_string().into_bytes());
        assert_eq!(key, b"key");
        assert_eq!(first(&both, |files| [&files.ca]).unwrap(), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
