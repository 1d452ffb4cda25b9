//! Certificates that the server makes for itself, all of one key.
//!
//! Nobody vouches for them, so a browser asks its user whether to go on, and remembers the answer for that very certificate.
//! One that is good is therefore kept, and shown wherever it names the address, also when the machine has got others since:
//! pages that reconnect do not ask anybody.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pem::Pem;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::identity::{Identity, provider};
use super::names::Names;
use crate::private_file;

const KEY: &str = ".tls-key";
const CERTIFICATES: &str = ".tls-cert";

/// How long one is good: phones take none that are for longer than 398 days.
const GOOD_FOR: Duration = Duration::days(397);
/// Of that, before it is made: clocks differ.
const MADE_BEFORE: Duration = Duration::days(1);
/// How long before its end another takes its place.
const RENEWED_BEFORE: Duration = Duration::days(30);
/// How many are kept: of so many places where the machine has been.
const KEPT: usize = 8;

/// Those of one server.
pub(super) struct MadeCertificates {
    key: KeyPair,
    file: PathBuf,
    /// The oldest first.
    kept: Vec<Made>,
}

/// Why certificates changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// One had ended, or was near its end.
    NearEnd,
    /// The machine has names or addresses that were in none.
    NewNames,
}

struct Made {
    der: CertificateDer<'static>,
    names: Names,
    good_until: i64,
}

impl MadeCertificates {
    /// The key beside a database, made if there is none, and the certificates that are kept of it.
    ///
    /// # Errors
    /// If the key cannot be used, or none can be made.
    pub(super) fn open(database: &Path) -> anyhow::Result<Self> {
        let key = private_file::beside(database, KEY);
        let file = private_file::beside(database, CERTIFICATES);
        let key = kept_key(&key).with_context(|| format!("the TLS key kept in {} cannot be used", key.display()))?;
        let public = key.subject_public_key_info();
        let pem = fs::read(&file).unwrap_or_default();
        // What is no certificate of this key is made anew.
        let kept = CertificateDer::pem_slice_iter(&pem).filter_map(|der| Made::read(der.ok()?, &public));
        Ok(Self {
            kept: kept.collect(),
            key,
            file,
        })
    }

    /// Gives up what is no longer good, and makes one if an address of the machine is in none. Says why, if anything
    /// changed.
    ///
    /// # Errors
    /// If one cannot be made or kept. Those from before are kept then.
    pub(super) fn renew(&mut self, names: &Names, now: OffsetDateTime) -> anyhow::Result<Option<Renewal>> {
        let is_good = |made: &Made| {
            made.names.hosts.is_superset(&names.hosts) && made.good_until > (now + RENEWED_BEFORE).unix_timestamp()
        };
        let mut renewed: Vec<CertificateDer<'static>> = Vec::new();
        let named: BTreeSet<IpAddr> = self
            .kept
            .iter()
            .filter(|made| is_good(made))
            .inspect(|made| renewed.push(made.der.clone()))
            .flat_map(|made| made.names.addresses.iter().copied())
            .collect();
        let is_covered = named.is_superset(&names.addresses);
        if is_covered && renewed.len() == self.kept.len() {
            return Ok(None);
        }
        let why = self.why(names);
        if !is_covered {
            renewed.drain(..(renewed.len() + 1).saturating_sub(KEPT));
            renewed.push(make(&self.key, names, now)?);
        }
        let public = self.key.subject_public_key_info();
        let renewed: Vec<Made> = renewed.into_iter().filter_map(|der| Made::read(der, &public)).collect();
        self.keep(&renewed)
            .with_context(|| format!("the certificate cannot be kept in {}", self.file.display()))?;
        self.kept = renewed;
        Ok(Some(why))
    }

    /// Why what is kept is not enough: names, unless it has them all and only its time is over.
    fn why(&self, names: &Names) -> Renewal {
        let named = self.kept.iter().map(|made| &made.names);
        let named = named.filter(|kept| kept.hosts.is_superset(&names.hosts));
        let named: BTreeSet<IpAddr> = named.flat_map(|kept| kept.addresses.iter().copied()).collect();
        if named.is_superset(&names.addresses) {
            Renewal::NearEnd
        } else {
            Renewal::NewNames
        }
    }

    fn keep(&self, renewed: &[Made]) -> io::Result<()> {
        let blocks = renewed.iter().map(|made| Pem::new("CERTIFICATE", made.der.to_vec()));
        private_file::replace(&self.file, pem::encode_many(&blocks.collect::<Vec<_>>()).as_bytes())
    }

    /// What is shown, the oldest first.
    ///
    /// # Errors
    /// If the library does not take what was made with its help.
    pub(super) fn identities(&self) -> anyhow::Result<Vec<Identity>> {
        let identity = |made: &Made| {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
            let key = CertifiedKey::from_der(vec![made.der.clone()], key, &provider())?;
            Ok(Identity::new(key, Some(made.names.addresses.clone()))?)
        };
        self.kept.iter().map(identity).collect()
    }
}

impl Made {
    /// One that is of this key, and says what it is for.
    fn read(der: CertificateDer<'static>, public: &[u8]) -> Option<Self> {
        let (names, good_until) = {
            let (_, certificate) = X509Certificate::from_der(&der).ok()?;
            if certificate.public_key().raw != public {
                return None;
            }
            let alternatives = certificate.subject_alternative_name().ok()??;
            let mut names = Names::default();
            for name in &alternatives.value.general_names {
                if let GeneralName::DNSName(host) = name {
                    names.hosts.insert((*host).to_owned());
                } else if let GeneralName::IPAddress(bytes) = name {
                    names.addresses.insert(address(bytes)?);
                }
            }
            (names, certificate.validity().not_after.timestamp())
        };
        Some(Self { der, names, good_until })
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn kept_key(file: &Path) -> anyhow::Result<KeyPair> {
    match fs::read_to_string(file) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|_| anyhow::anyhow!("it is no private key in PEM form")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            private_file::replace(file, key.serialize_pem().as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

fn make(key: &KeyPair, names: &Names, now: OffsetDateTime) -> anyhow::Result<CertificateDer<'static>> {
    let mut params = CertificateParams::default();
    let hosts = names
        .hosts
        .iter()
        .map(|host| Ok(SanType::DnsName(host.as_str().try_into()?)));
    let addresses = names.addresses.iter().map(|ip| Ok(SanType::IpAddress(*ip)));
    params.subject_alt_names = hosts.chain(addresses).collect::<Result<_, rcgen::Error>>()?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "chatroom-server");
    params.distinguished_name = name;
    params.not_before = now - MADE_BEFORE;
    params.not_after = params.not_before + GOOD_FOR;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Browsers refuse two of one issuer with one number.
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).context("the system gives no random numbers")?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params.self_signed(key)?.der().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    fn names(hosts: &[&str], addresses: &[&str]) -> Names {
        Names {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        }
    }

    fn home() -> Names {
        names(&["localhost", "pc"], &["127.0.0.1", "::1", "192.0.2.7"])
    }

    fn school() -> Names {
        names(&["localhost", "pc"], &["127.0.0.1", "::1", "198.51.100.9"])
    }

    struct Stage {
        _folder: tempfile::TempDir,
        database: PathBuf,
    }

    impl Stage {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = folder.path().join("chatroom.db");
            Self {
                _folder: folder,
                database,
            }
        }

        fn open(&self) -> MadeCertificates {
            MadeCertificates::open(&self.database).unwrap()
        }

        fn file(&self, suffix: &str) -> PathBuf {
            private_file::beside(&self.database, suffix)
        }
    }

    #[test]
    fn what_is_made_names_the_machine_for_as_long_as_phones_take_it() {
        let stage = Stage::new();
        let mut made = stage.open();
        assert_eq!(made.renew(&home(), NOW).unwrap(), Some(Renewal::NewNames));
        let [one] = &made.kept[..] else { panic!("one is enough") };
        assert_eq!(one.names, home());
        let (_, certificate) = X509Certificate::from_der(&one.der).unwrap();
        let validity = certificate.validity();
        let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400;
        assert!(days <= 397, "{days}");
        assert!(validity.not_before.timestamp() < NOW.unix_timestamp());
        let usage = certificate.extended_key_usage().unwrap().unwrap();
        assert!(usage.value.server_auth);
        assert!(!certificate.is_ca());
        assert_eq!(made.identities().unwrap().len(), 1);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(stage.file(KEY)).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_restart_shows_the_same_and_another_place_one_more_of_the_same_key() {
        let stage = Stage::new();
        stage.open().renew(&home(), NOW).unwrap();
        let first = stage.open().kept.remove(0).der;
        let mut made = stage.open();
        assert_eq!(made.renew(&home(), NOW).unwrap(), None);
        // An address that is gone for a while is no reason.
        assert_eq!(
            made.renew(&names(&["localhost", "pc"], &["127.0.0.1"]), NOW).unwrap(),
            None
        );
        assert_eq!(made.renew(&school(), NOW).unwrap(), Some(Renewal::NewNames));
        assert_eq!(made.kept.len(), 2);
        assert_eq!(stage.open().renew(&home(), NOW).unwrap(), None);
        assert_eq!(stage.open().kept[0].der, first);
        let serial = |made: &Made| {
            let (_, certificate) = X509Certificate::from_der(&made.der).unwrap();
            certificate.raw_serial().to_vec()
        };
        assert_ne!(serial(&made.kept[0]), serial(&made.kept[1]));
    }

    #[test]
    fn what_is_near_its_end_or_lacks_a_name_is_given_up() {
        let stage = Stage::new();
        let mut made = stage.open();
        made.renew(&home(), NOW).unwrap();
        let later = NOW + GOOD_FOR - MADE_BEFORE - RENEWED_BEFORE;
        assert_eq!(made.renew(&home(), later - Duration::minutes(1)).unwrap(), None);
        assert_eq!(made.renew(&home(), later).unwrap(), Some(Renewal::NearEnd));
        assert_eq!(made.kept.len(), 1);
        let renamed = names(&["localhost", "new-pc"], &["127.0.0.1"]);
        assert_eq!(made.renew(&renamed, later).unwrap(), Some(Renewal::NewNames));
        assert_eq!(made.kept.len(), 1);
        assert_eq!(made.kept[0].names, renamed);
    }

    #[test]
    fn no_more_are_kept_than_there_are_places() {
        let stage = Stage::new();
        let mut made = stage.open();
        for place in 1..=12 {
            made.renew(&names(&["pc"], &[&format!("192.0.2.{place}")]), NOW)
                .unwrap();
        }
        assert_eq!(made.kept.len(), KEPT);
        assert_eq!(made.renew(&names(&["pc"], &["192.0.2.12"]), NOW).unwrap(), None);
        assert_eq!(
            made.renew(&names(&["pc"], &["192.0.2.1"]), NOW).unwrap(),
            Some(Renewal::NewNames)
        );
    }

    #[test]
    fn a_certificate_that_is_none_or_anothers_is_made_anew_and_a_key_that_is_none_is_told() {
        let stage = Stage::new();
        stage.open().renew(&home(), NOW).unwrap();
        let other = Stage::new();
        other.open().renew(&home(), NOW).unwrap();
        for wrong in [fs::read(other.file(CERTIFICATES)).unwrap(), b"nonsense".to_vec()] {
            fs::write(stage.file(CERTIFICATES), wrong).unwrap();
            assert_eq!(stage.open().renew(&home(), NOW).unwrap(), Some(Renewal::NewNames));
        }
        fs::write(stage.file(KEY), "nonsense").unwrap();
        let error = format!("{:#}", MadeCertificates::open(&stage.database).err().unwrap());
        assert!(
            error.contains("chatroom.db.tls-key cannot be used: it is no private key in PEM form"),
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(stage.file(KEY)).unwrap(),
            "nonsense",
            "nothing is changed"
        );
    }
}
