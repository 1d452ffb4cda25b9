//! Where the certificates come from, looked at again and again while the server runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

use super::covered::CoveredNames;
use super::files::OwnFiles;
use super::identity::{Certificates, Identity};
use super::made::{MadeCertificates, Renewal};
use super::names::Names;
use super::pair::Pair;
use crate::config::{Config, HostNames, TlsMode};
use crate::service_manager;

/// How often the files and the machine's addresses are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// What the settings say of where the certificates come from.
pub struct Source(SourceKind);

enum SourceKind {
    /// The operator's own files, and what they hold.
    Files(OwnFiles, Pair),
    /// Made by the server, and kept beside this file: the history's, if it is in one.
    Made { beside: PathBuf, besides: HostNames },
}

/// Keeps the certificates as they are to be.
pub struct Keeper {
    certificates: Arc<Certificates>,
    from: KeeperKind,
}

enum KeeperKind {
    Files(OwnFiles),
    Made(Box<OwnMade>),
}

struct OwnMade {
    made: MadeCertificates,
    besides: HostNames,
    told: Option<String>,
}

impl Source {
    /// Where they come from, if the server speaks TLS at all. Files are read already, and nothing is written yet.
    ///
    /// # Errors
    /// If the files cannot be used. The message is for the operator.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        if let Some(files) = config.tls_files() {
            let (files, pair) = OwnFiles::read(files)?;
            return Ok(Some(Self(SourceKind::Files(files, pair))));
        }
        let made = config.tls.map(|TlsMode::SelfSigned| SourceKind::Made {
            beside: config.kept_beside(),
            besides: config.allowed_hosts.clone(),
        });
        Ok(made.map(Self))
    }

    /// The names that others may be told: those that a certificate of the operator's own covers.
    pub fn covered_names(&self, allowed: &HostNames) -> CoveredNames {
        match &self.0 {
            SourceKind::Files(_, pair) => pair.key.cert.first().map_or_else(CoveredNames::default, |certificate| {
                CoveredNames::of(certificate, allowed)
            }),
            SourceKind::Made { .. } => CoveredNames::default(),
        }
    }

    /// The certificates as they are now, and who keeps them so. What is to be made is made.
    ///
    /// # Errors
    /// If it cannot be made, or what is kept cannot be used. The message is for the operator.
    pub fn open(self) -> anyhow::Result<(Arc<Certificates>, Keeper)> {
        let now = OffsetDateTime::now_utc();
        let (identities, from) = match self.0 {
            SourceKind::Files(mut files, pair) => {
                files.tell_of_end(now);
                (files.identities(pair)?, KeeperKind::Files(files))
            }
            SourceKind::Made { beside, besides } => {
                let mut made = MadeCertificates::open(&beside)?;
                made.renew(&Names::of_machine(&besides), now)?;
                let identities = made.identities()?;
                let own = OwnMade {
                    made,
                    besides,
                    told: None,
                };
                (identities, KeeperKind::Made(Box::new(own)))
            }
        };
        let certificates = Arc::new(Certificates::new(identities));
        let keeper = Keeper {
            certificates: certificates.clone(),
            from,
        };
        Ok((certificates, keeper))
    }
}

impl Keeper {
    /// Does so until it is dropped.
    pub async fn run(mut self) {
        loop {
            sleep(EVERY).await;
            let looked = spawn_blocking(move || {
                self.look(OffsetDateTime::now_utc());
                self
            });
            match looked.await {
                Ok(keeper) => self = keeper,
                Err(error) => {
                    warn!(%error, "certificates are not renewed any more");
                    return;
                }
            }
        }
    }

    fn look(&mut self, now: OffsetDateTime) {
        let renewed = match &mut self.from {
            KeeperKind::Files(files) => files.renewed(now),
            KeeperKind::Made(own) => own.renewed(now),
        };
        if let Some(identities) = renewed {
            service_manager::reloading();
            self.certificates.replace(identities);
            service_manager::ready();
        }
    }
}

impl OwnMade {
    fn renewed(&mut self, now: OffsetDateTime) -> Option<Vec<Identity>> {
        let names = Names::of_machine(&self.besides);
        let renewed = match self.made.renew(&names, now) {
            Ok(None) => return None,
            Ok(Some(why)) => self.made.identities().map(|identities| (identities, why)),
            Err(error) => Err(error),
        };
        match renewed {
            Ok((identities, why)) => {
                self.told = None;
                match why {
                    Renewal::NearEnd => info!("a certificate was near its end, or had ended: others take its place"),
                    Renewal::NewNames => info!("a certificate was made for the machine's new names or addresses"),
                }
                Some(identities)
            }
            Err(error) => {
                let sentence = format!("{error:#}");
                if self.told.as_ref() != Some(&sentence) {
                    warn!("{sentence}. The certificate from before goes on");
                    self.told = Some(sentence);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::config::Variables;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    struct Stage {
        folder: tempfile::TempDir,
        certificates: Arc<Certificates>,
        keeper: Keeper,
    }

    fn write(folder: &Path, ending: &str, contents: &str) {
        fs::write(folder.join(format!("class.{ending}")), contents).unwrap();
    }

    /// A certificate and its key.
    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["class.example".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn config(folder: &Path) -> Config {
        let set = |name: &str, file: &str| (name.to_owned(), folder.join(file).display().to_string());
        let variables = [set("TLS_CERT", "class.crt"), set("TLS_KEY", "class.key")];
        Config::read::<[&str; 0]>([], &Variables::from(variables)).unwrap()
    }

    impl Stage {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (certificate, key) = pair();
            write(folder.path(), "crt", &certificate);
            write(folder.path(), "key", &key);
            let source = Source::of(&config(folder.path())).unwrap().unwrap();
            let (certificates, keeper) = source.open().unwrap();
            Self {
                folder,
                certificates,
                keeper,
            }
        }

        /// Whether what is shown changes by a look.
        fn changes(&mut self) -> bool {
            let before = self.certificates.config_for(HERE).unwrap();
            self.keeper.look(OffsetDateTime::now_utc());
            !Arc::ptr_eq(&before, &self.certificates.config_for(HERE).unwrap())
        }

        fn is_told(&self) -> Option<bool> {
            let KeeperKind::Files(files) = &self.keeper.from else {
                return None;
            };
            files.is_doubt_told()
        }
    }

    #[test]
    fn files_that_change_are_shown_at_once_and_only_then() {
        let mut stage = Stage::new();
        assert!(!stage.changes());
        let (certificate, key) = pair();
        write(stage.folder.path(), "crt", &certificate);
        assert!(!stage.changes(), "the key of it is still to be written");
        assert_eq!(stage.is_told(), Some(false), "half of it is no fault");
        write(stage.folder.path(), "key", &key);
        assert!(stage.changes());
        assert_eq!(stage.is_told(), None);
        assert!(!stage.changes());
    }

    #[test]
    fn what_stays_broken_is_told_once_and_the_one_before_goes_on() {
        let mut stage = Stage::new();
        write(stage.folder.path(), "key", &pair().1);
        assert!(!stage.changes());
        assert_eq!(stage.is_told(), Some(false));
        for _ in 0..3 {
            assert!(!stage.changes());
            assert_eq!(stage.is_told(), Some(true));
        }
        fs::remove_file(stage.folder.path().join("class.crt")).unwrap();
        assert!(!stage.changes());
        assert_eq!(stage.is_told(), Some(false), "another fault");
    }

    #[test]
    fn a_broken_pair_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "crt", &pair().0);
        write(folder.path(), "key", &pair().1);
        let error = Source::of(&config(folder.path())).err().unwrap().to_string();
        assert!(error.contains("is not that of the first certificate"), "{error}");
    }
}
