//! The names that a certificate of the operator's own covers, to be told to people.

use std::net::IpAddr;

use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::server::ParsedCertificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::config::HostNames;

/// Names by which others reach the server without a warning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CoveredNames {
    /// Those of `ALLOWED_HOSTS`: the review may be opened under them, too.
    pub allowed: Vec<String>,
    /// Those that it names itself.
    pub own: Vec<String>,
}

impl CoveredNames {
    /// What this certificate covers.
    pub(super) fn of(certificate: &CertificateDer<'_>, allowed: &HostNames) -> Self {
        let is_covered = |name: &&str| {
            let (Ok(parsed), Ok(server)) = (ParsedCertificate::try_from(certificate), ServerName::try_from(*name))
            else {
                return false;
            };
            is_for_others(name) && verify_server_name(&parsed, &server).is_ok()
        };
        Self {
            allowed: allowed.iter().filter(is_covered).map(str::to_owned).collect(),
            own: own(certificate),
        }
    }

    /// The names for whoever connects.
    pub fn for_clients(&self) -> &[String] {
        if self.allowed.is_empty() {
            &self.own
        } else {
            &self.allowed
        }
    }
}

fn own(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternatives.value.general_names.iter();
    let names = names.filter_map(|name| {
        if let GeneralName::DNSName(host) = name {
            Some(host.to_ascii_lowercase())
        } else {
            None
        }
    });
    names.filter(|name| is_for_others(name)).collect()
}

/// Whether it is one name, of a machine that others reach by it.
fn is_for_others(name: &str) -> bool {
    !name.contains('*') && name != "localhost" && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn covered(names: &[&str], allowed: &str) -> CoveredNames {
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let certificate = params.unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
        CoveredNames::of(certificate.der(), &HostNames::parse(allowed).unwrap())
    }

    #[test]
    fn names_that_others_may_type_are_those_allowed_or_else_the_certificates_own() {
        for (names, allowed, clients) in [
            (
                &["class.example", "localhost"][..],
                "class.example,other.example",
                "class.example",
            ),
            (
                &["*.school.example"],
                "class.school.example,school.example",
                "class.school.example",
            ),
            (&["Class.example", "*.school.example", "192.0.2.7"], "", "class.example"),
            (&["class.example"], "other.example", "class.example"),
            (&["localhost", "192.0.2.7"], "localhost,192.0.2.7", ""),
        ] {
            let covered = covered(names, allowed);
            assert_eq!(covered.for_clients().join(" "), clients, "{names:?} {allowed}");
        }
        assert!(covered(&["class.example"], "other.example").allowed.is_empty());
    }
}
