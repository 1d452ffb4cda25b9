//! Which certificate is shown on which address, at this moment.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{Error, ServerConfig};

/// What a client may be shown, the oldest first; at least one.
#[derive(Debug)]
pub struct Certificates(RwLock<Vec<Identity>>);

/// A certificate with its key, ready to be shown.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    /// The addresses that it names, if that matters.
    addresses: Option<BTreeSet<IpAddr>>,
}

impl Identity {
    /// One for every address, or for these.
    pub(super) fn new(key: CertifiedKey, addresses: Option<BTreeSet<IpAddr>>) -> Result<Self, Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            addresses,
        })
    }
}

impl Certificates {
    pub(super) fn new(identities: Vec<Identity>) -> Self {
        Self(RwLock::new(identities))
    }

    /// What a client is shown that has connected to this address of the machine. The oldest that names it: a browser that
    /// was told to go on in spite of it was told so of that one only, and would ask again of another.
    pub(crate) fn config_for(&self, address: IpAddr) -> Option<Arc<ServerConfig>> {
        let identities = self.0.read();
        let names_it = |identity: &&Identity| {
            let named = identity.addresses.as_ref();
            named.is_none_or(|addresses| addresses.contains(&address))
        };
        let shown = identities.iter().find(names_it).or(identities.last());
        shown.map(|identity| identity.config.clone())
    }

    /// From now on, new connections are shown these.
    pub(super) fn replace(&self, identities: Vec<Identity>) {
        *self.0.write() = identities;
    }
}

/// What computes: ring.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
