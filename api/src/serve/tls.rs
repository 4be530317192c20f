//! TLS of our own: a certificate and its key, loaded again when their files change.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

use crate::secret::open_to_others;

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(60);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The certificate cannot be read.
    #[error("the certificate {path} cannot be read: {reason}")]
    Certificate {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key cannot be read.
    #[error("the key {path} cannot be read: {reason}")]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Others may read or change the key.
    #[error("the key {0}")]
    Open(String),
    /// They are not of each other, or of an unknown kind.
    #[error("{certificate} and {key} cannot be used together: {reason}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        reason: rustls::Error,
    },
}

/// The certificate that is served. Clones are the same one.
#[derive(Clone)]
pub struct Certificates {
    files: Arc<Files>,
    acceptor: TlsAcceptor,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    pair: RwLock<Arc<CertifiedKey>>,
    /// What the files were when they were last read, and why that failed.
    last: Mutex<(Option<Stamps>, Option<String>)>,
}

/// What tells that files have changed: of each its number, size, and time of change.
type Stamps = [(u64, u64, i64, i64); 2];

impl Certificates {
    /// From files in PEM: the certificate with those that vouch for it, and its key.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let stamps = stamps(certificate, key);
        let pair = read(certificate, key)?;
        let files = Arc::new(Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            pair: RwLock::new(Arc::new(pair)),
            last: Mutex::new((stamps, None)),
        });
        let failed = |reason| CertificateError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            reason,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(files.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Reads the files again if they have changed, or could not be used before. What cannot be used leaves
    /// the certificate that is served as it is.
    pub fn refresh(&self) {
        let Files { certificate, key, pair, last } = &*self.files;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(certificate, key);
        if stamps.is_some() && stamps == last.0 && last.1.is_none() {
            return;
        }
        let error = match read(certificate, key) {
            Ok(new) => {
                *pair.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!(
                    "api: the certificate {} is served from now on",
                    certificate.display()
                );
                None
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error.as_ref().filter(|error| last.1.as_ref() != Some(error)) {
            tracing::error!("api: the certificate before goes on being served: {error}");
        }
        *last = (stamps, error);
    }

    /// Looks at the files now and again, for ever.
    pub async fn keep_fresh(self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let own = self.clone();
            // Files may be on a network.
            if tokio::task::spawn_blocking(move || own.refresh()).await.is_err() {
                return; // The program ends.
            }
        }
    }

    /// Why the files cannot be used as they are now.
    pub(crate) fn error(&self) -> Option<String> {
        self.files.last.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("certificate", &self.files.certificate).finish()
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn stamps(certificate: &Path, key: &Path) -> Option<Stamps> {
    let stamp = |path| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
    };
    Some([stamp(certificate)?, stamp(key)?])
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let unreadable =
        |reason| CertificateError::Certificate { path: certificate.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable("it holds no certificate in PEM".to_owned()));
    }
    let unreadable = |reason| CertificateError::Key { path: key.to_owned(), reason };
    match open_to_others(key) {
        Ok(None) => {}
        Ok(Some(problem)) => return Err(CertificateError::Open(problem)),
        Err(error) => return Err(unreadable(error.to_string())),
    }
    let own = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(error.to_string()))?;
    CertifiedKey::from_der(chain, own, &default_provider()).map_err(|reason| {
        CertificateError::Pair { certificate: certificate.to_owned(), key: key.to_owned(), reason }
    })
}
