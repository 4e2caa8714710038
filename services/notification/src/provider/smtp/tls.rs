//! Whose certificates count. rustls over aws-lc-rs, told explicitly, so that nothing depends on what else a process linked.

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::settings::BadSetting;

/// Checks the relay's certificate against this file's, or else the system's. There is no setting that does not check.
///
/// # Errors
/// Where there is no certificate to rest on.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, BadSetting> {
    let mut roots = RootCertStore::empty();
    let bad = |why: String| BadSetting::new("smtp.ca_file", why);
    match ca_file {
        Some(file) => {
            let open = File::open(file).map_err(|error| bad(format!("{}: {error}", file.display())))?;
            for certificate in CertificateDer::pem_reader_iter(BufReader::new(open)) {
                let certificate = certificate.map_err(|error| bad(format!("{}: {error}", file.display())))?;
                roots.add(certificate).map_err(|error| bad(format!("{}: {error}", file.display())))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some of the system's certificates cannot be read");
            }
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err(bad("holds no certificate, and the system has none where this is not told".to_owned()));
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
