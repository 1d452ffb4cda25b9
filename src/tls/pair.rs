//! A certificate of the operator's own, and its key: two PEM files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::identity::provider;
use crate::config::TlsFiles;

/// No chain of certificates is longer, in bytes.
const MOST: u64 = 1024 * 1024;

/// Why a pair cannot be used, as one sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// It is not there, or not ours to read.
    #[error("{setting} is {}, which cannot be read: {error}", path.display())]
    Unreadable {
        /// Which of both.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is none in it.
    #[error("TLS_CERT is {}, which holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", .0.display())]
    NoCertificate(PathBuf),
    /// One of it is none.
    #[error("TLS_CERT is {}, whose certificate number {} cannot be read", .0.display(), .1)]
    BrokenCertificate(PathBuf, usize),
    /// There is none in it.
    #[error("TLS_KEY is {}, which holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", .0.display())]
    NoKey(PathBuf),
    /// It needs a password, which nobody is there to give.
    #[error("TLS_KEY is {}, whose key is encrypted: `openssl pkey` writes one that is not", .0.display())]
    EncryptedKey(PathBuf),
    /// It is none, or of a kind that is not known.
    #[error("TLS_KEY is {}, whose key cannot be used: it must be an EC key (P-256 or P-384), an RSA key of 2048 bits or more, or Ed25519", .0.display())]
    BrokenKey(PathBuf),
    /// They do not belong together.
    #[error("the key in {} (TLS_KEY) is not that of the first certificate in {} (TLS_CERT)", .0.key.display(), .0.certificate.display())]
    Mismatch(TlsFiles),
}

/// What both files hold. The key is known by a digest: nothing else of it needs to stay in memory.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Tells contents apart.
pub(super) type Fingerprint = [u8; 32];

/// A certificate with its key.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: CertifiedKey,
    /// Until when it is good, in seconds since 1970.
    pub(super) good_until: i64,
}

impl Contents {
    /// Reads both files.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, PairError> {
        Ok(Self {
            certificate: read("TLS_CERT", &files.certificate)?,
            key: read("TLS_KEY", &files.key)?,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let parts = [&self.certificate, &self.key].map(Sha256::digest);
        Sha256::digest(parts.concat()).into()
    }

    /// What they are together.
    pub(super) fn pair(&self, files: &TlsFiles) -> Result<Pair, PairError> {
        let chain = self.chain(&files.certificate)?;
        let good_until = good_until(&chain[0]);
        let key = self.private_key(&files.key)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
            if matches!(error, rustls::Error::InconsistentKeys(_)) {
                PairError::Mismatch(files.clone())
            } else {
                PairError::BrokenKey(files.key.clone())
            }
        })?;
        Ok(Pair { key, good_until })
    }

    fn chain(&self, path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
        let mut chain = Vec::new();
        for (number, certificate) in CertificateDer::pem_slice_iter(&self.certificate).enumerate() {
            let broken = || PairError::BrokenCertificate(path.to_owned(), number + 1);
            let certificate = certificate.map_err(|_| broken())?;
            X509Certificate::from_der(&certificate).map_err(|_| broken())?;
            chain.push(certificate);
        }
        if chain.is_empty() {
            return Err(PairError::NoCertificate(path.to_owned()));
        }
        Ok(chain)
    }

    fn private_key(&self, path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| {
            if !matches!(error, pem::Error::NoItemsFound) {
                PairError::BrokenKey(path.to_owned())
            } else if is_encrypted(&self.key) {
                PairError::EncryptedKey(path.to_owned())
            } else {
                PairError::NoKey(path.to_owned())
            }
        })
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, PairError> {
    let read = || {
        let mut contents = Vec::new();
        File::open(path)?.take(MOST).read_to_end(&mut contents)?;
        Ok(contents)
    };
    read().map_err(|error| PairError::Unreadable {
        setting,
        path: path.to_owned(),
        error,
    })
}

fn is_encrypted(pem: &[u8]) -> bool {
    String::from_utf8_lossy(pem).contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

/// Until when a certificate is good, in seconds since 1970; one that cannot be read never was.
fn good_until(certificate: &[u8]) -> i64 {
    let read = X509Certificate::from_der(certificate);
    read.map_or(0, |(_, certificate)| certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pem() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["class.example".to_owned()]).unwrap();
        (certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn told(certificate: &str, key: &str) -> String {
        let files = TlsFiles {
            certificate: "a.crt".into(),
            key: "a.key".into(),
        };
        let contents = Contents {
            certificate: certificate.into(),
            key: key.into(),
        };
        contents
            .pair(&files)
            .map_or_else(|error| error.to_string(), |_| "usable".to_owned())
    }

    #[test]
    fn what_is_wrong_with_a_pair_is_one_sentence_with_the_file() {
        let ((certificate, key), (other, _)) = (pem(), pem());
        let chain = format!("{certificate}{other}");
        let broken = format!("{certificate}{}", other.replace(&other[100..140], "!!!!"));
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let nonsense = "-----BEGIN PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END PRIVATE KEY-----\n";
        for (certificate, key, expected) in [
            (certificate.as_str(), key.as_str(), "usable"),
            (&chain, &key, "usable"),
            (&format!("{key}{certificate}"), &format!("{certificate}{key}"), "usable"),
            (
                &other,
                &key,
                "the key in a.key (TLS_KEY) is not that of the first certificate in a.crt (TLS_CERT)",
            ),
            (
                &broken,
                &key,
                "TLS_CERT is a.crt, whose certificate number 2 cannot be read",
            ),
            ("", &key, "TLS_CERT is a.crt, which holds no certificate in PEM form"),
            (&key, &key, "TLS_CERT is a.crt, which holds no certificate in PEM form"),
            (
                &certificate,
                "",
                "TLS_KEY is a.key, which holds no private key in PEM form",
            ),
            (&certificate, &encrypted, "TLS_KEY is a.key, whose key is encrypted"),
            (&certificate, nonsense, "TLS_KEY is a.key, whose key cannot be used"),
        ] {
            let told = told(certificate, key);
            assert!(told.starts_with(expected), "{told}");
            assert!(!told.contains("MIG"), "nothing of the key is told: {told}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let files = TlsFiles {
            certificate: "/none/a.crt".into(),
            key: "/none/a.key".into(),
        };
        let told = Contents::read(&files).err().unwrap().to_string();
        assert!(
            told.starts_with("TLS_CERT is /none/a.crt, which cannot be read: "),
            "{told}"
        );
    }
}
