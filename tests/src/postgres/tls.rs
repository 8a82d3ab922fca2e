//! Certificates for the server: an authority of its own and one for `localhost`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Writes `authority.pem`, `server.pem` and `server.key`; gives the files that the server reads.
pub(crate) fn write_certificates(folder: &Path) -> Result<[PathBuf; 2]> {
    let authority = authority()?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &authority)?;
    fs::write(folder.join("authority.pem"), authority.pem())?;
    let files = [folder.join("server.pem"), folder.join("server.key")];
    fs::write(&files[0], certificate.pem())?;
    fs::write(&files[1], key.serialize_pem())?;
    // PostgreSQL takes no key that others may read.
    fs::set_permissions(&files[1], fs::Permissions::from_mode(0o600))?;
    Ok(files)
}

/// The certificate of an authority that signed nothing here, as PEM.
pub fn other_authority() -> Result<String> {
    Ok(authority()?.pem())
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "an authority of tests");
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}
