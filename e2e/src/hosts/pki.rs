//! Certificates of the lab: one authority, one certificate for each host, and certificates that are
//! good or bad in one way each.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::record::Host;
use crate::error::Error;
use crate::places::{GATEWAY, Lab, make_folder, read_file, write_file};

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// It ended in 2001.
    Expired,
    /// The authority has taken it back.
    Revoked,
    /// It is for another name.
    WrongName,
    /// Another authority has signed it.
    Stranger,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

const REVOKED: u64 = 666;

/// The authority's certificate, as PEM.
///
/// # Errors
/// [`Error::File`], or when it cannot be made.
pub fn authority(lab: &Lab) -> Result<String, Error> {
    certificate(lab, "ca")
}

fn certificate(lab: &Lab, name: &str) -> Result<String, Error> {
    read_file(&ensure(lab, name)?.join(format!("{name}.pem")))
}

/// The authority's list of what it has taken back, as PEM.
///
/// # Errors
/// As [`authority`].
pub fn revoked(lab: &Lab) -> Result<String, Error> {
    let (until, since) = (date_time_ymd(2075, 1, 1), date_time_ymd(2001, 1, 1));
    let list = CertificateRevocationListParams {
        this_update: since,
        next_update: until,
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(REVOKED),
            revocation_time: since,
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let signed = list.signed_by(&issuer(lab, "ca")?).map_err(failed)?;
    signed.pem().map_err(failed)
}

/// A client's certificate.
///
/// # Errors
/// As [`authority`].
pub fn client(lab: &Lab, flaw: Flaw) -> Result<Pair, Error> {
    let params = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
    leaf(lab, params, ExtendedKeyUsagePurpose::ClientAuth, flaw)
}

/// A host's certificate: for its name and its address.
///
/// # Errors
/// As [`authority`].
pub fn server(lab: &Lab, host: &Host, flaw: Flaw) -> Result<Pair, Error> {
    let names = match flaw {
        Flaw::WrongName => vec!["elsewhere.example".to_owned()],
        _ => vec![host.name.clone(), host.address()],
    };
    let params = CertificateParams::new(names).map_err(failed)?;
    leaf(lab, params, ExtendedKeyUsagePurpose::ServerAuth, flaw)
}

/// The folder of the image server's certificate, made once for each lab, and its key: `tls.crt` and
/// `tls.key`.
///
/// # Errors
/// As [`authority`].
pub fn image_server(lab: &Lab) -> Result<PathBuf, Error> {
    let folder = lab.state().join("images-pki");
    let certificate = folder.join("tls.crt");
    if !certificate.is_file() {
        make_folder(&folder)?;
        let params = CertificateParams::new(vec![GATEWAY.to_owned()]).map_err(failed)?;
        let pair = leaf(lab, params, ExtendedKeyUsagePurpose::ServerAuth, Flaw::None)?;
        private(&folder.join("tls.key"), &pair.key)?;
        write_file(&certificate, &pair.certificate)?;
    }
    Ok(folder)
}

/// Puts a certificate, its key and the authority's where the host's libvirtd reads them.
///
/// # Errors
/// [`Error::File`].
pub fn install(lab: &Lab, host: &Host, pair: &Pair) -> Result<(), Error> {
    let root = host.root(lab);
    let (ca, own) = (root.join("etc/pki/CA"), root.join("etc/pki/libvirt"));
    make_folder(&ca)?;
    make_folder(&own.join("private"))?;
    write_file(&ca.join("cacert.pem"), authority(lab)?)?;
    write_file(&ca.join("cacrl.pem"), revoked(lab)?)?;
    write_file(&own.join("servercert.pem"), &pair.certificate)?;
    private(&own.join("private/serverkey.pem"), &pair.key)
}

/// Makes folders of what clients may come with, laid out as libvirt's `pkipath` has it: each is named
/// for what is wrong with it.
///
/// # Errors
/// As [`authority`].
pub fn clients(lab: &Lab) -> Result<PathBuf, Error> {
    let folder = lab.state().join("hosts-pki/clients");
    for (name, flaw) in [
        ("good", Some(Flaw::None)),
        ("expired", Some(Flaw::Expired)),
        ("revoked", Some(Flaw::Revoked)),
        ("stranger", Some(Flaw::Stranger)),
        ("other-authority", Some(Flaw::None)),
        ("missing", None),
    ] {
        let into = folder.join(name);
        make_folder(&into)?;
        let by = if name == "other-authority" {
            "stranger"
        } else {
            "ca"
        };
        write_file(&into.join("cacert.pem"), certificate(lab, by)?)?;
        if let Some(flaw) = flaw {
            let pair = client(lab, flaw)?;
            write_file(&into.join("clientcert.pem"), &pair.certificate)?;
            private(&into.join("clientkey.pem"), &pair.key)?;
        }
    }
    Ok(folder)
}

fn leaf(
    lab: &Lab,
    mut params: CertificateParams,
    purpose: ExtendedKeyUsagePurpose,
    flaw: Flaw,
) -> Result<Pair, Error> {
    params.distinguished_name.push(DnType::CommonName, "lab");
    params.extended_key_usages = vec![purpose];
    // libvirt asks for both.
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.not_before = date_time_ymd(2000, 1, 1);
    if flaw == Flaw::Expired {
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    if flaw == Flaw::Revoked {
        params.serial_number = Some(SerialNumber::from(REVOKED));
    }
    let by = match flaw {
        Flaw::Stranger => "stranger",
        _ => "ca",
    };
    let key = KeyPair::generate().map_err(failed)?;
    let signed = params.signed_by(&key, &issuer(lab, by)?).map_err(failed)?;
    Ok(Pair {
        certificate: signed.pem(),
        key: key.serialize_pem(),
    })
}

fn issuer(lab: &Lab, name: &str) -> Result<Issuer<'static, KeyPair>, Error> {
    let folder = ensure(lab, name)?;
    let key = read_file(&folder.join(format!("{name}.key")))?;
    let key = KeyPair::from_pem(&key).map_err(failed)?;
    let certificate = read_file(&folder.join(format!("{name}.pem")))?;
    Issuer::from_ca_cert_pem(&certificate, key).map_err(failed)
}

// Made once for each lab. The key comes first: a certificate says that both are whole.
fn ensure(lab: &Lab, name: &str) -> Result<PathBuf, Error> {
    let folder = lab.state().join("hosts-pki");
    let file = folder.join(format!("{name}.pem"));
    if file.is_file() {
        return Ok(folder);
    }
    make_folder(&folder)?;
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(failed)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    private(&folder.join(format!("{name}.key")), &key.serialize_pem())?;
    write_file(&file, certificate.pem())?;
    Ok(folder)
}

fn private(path: &Path, text: &str) -> Result<(), Error> {
    write_file(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| Error::file(path, error))
}

fn failed(error: rcgen::Error) -> Error {
    Error::Refused(format!("a certificate cannot be made: {error}"))
}
