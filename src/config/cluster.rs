//! What the servers of one history must be told of each other.

/// How other servers reach one: a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAddress(String);

impl ClusterAddress {
    /// Reads a host, or an address (of IPv6 in brackets), and a port.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let (host, port) = raw.trim().rsplit_once(':').unwrap_or_default();
        let is_plain = |host: &str| !host.is_empty() && !host.contains([':', '/', ' ', ',', '@']);
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match inner {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_plain(host),
        };
        if !is_host || !port.parse::<u16>().is_ok_and(|port| port != 0) {
            return Err("must be a host and a port, such as node-1.example:4000 or [2001:db8::7]:4000".to_owned());
        }
        Ok(Self(raw.trim().to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is set of all this, and of what it needs.
pub(super) struct Given {
    pub(super) listen: bool,
    pub(super) address: bool,
    pub(super) secret: bool,
    pub(super) node: bool,
    /// A history in PostgreSQL.
    pub(super) server: bool,
}

impl Given {
    /// What several servers need, and what one alone does not take.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.listen {
            let unused = [
                ("CLUSTER_ADDRESS", self.address),
                ("CLUSTER_SECRET", self.secret),
                ("NODE_ID", self.node),
            ];
            let unused = unused.iter().find(|(_, is_set)| *is_set);
            return unused.map_or(Ok(()), |(name, _)| {
                Err(format!(
                    "{name} is for one of several servers: set CLUSTER_LISTEN too, or neither."
                ))
            });
        }
        let needs = [
            (
                self.server,
                "a history in PostgreSQL, which they share: set DATABASE_URL",
            ),
            (
                self.secret,
                "a secret by which they know each other: set CLUSTER_SECRET",
            ),
        ];
        needs.iter().find(|(is_set, _)| !is_set).map_or(Ok(()), |(_, what)| {
            Err(format!(
                "With CLUSTER_LISTEN there are several servers, and they need {what}."
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for raw in ["node-1.example:4000", " 192.0.2.7:1 ", "[2001:db8::7]:65535"] {
            assert_eq!(ClusterAddress::parse(raw).unwrap().as_str(), raw.trim());
        }
        for raw in [
            "",
            "4000",
            ":4000",
            "node:0",
            "node:x",
            "node",
            "2001:db8::7:4000",
            "[node]:1",
            "a,b:1",
            "ws://node:1",
            "node:70000",
        ] {
            assert!(ClusterAddress::parse(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn what_is_half_is_told_by_its_name() {
        let all = || Given {
            listen: true,
            address: true,
            secret: true,
            node: true,
            server: true,
        };
        assert_eq!(all().check(), Ok(()));
        let none = || Given {
            listen: false,
            address: false,
            secret: false,
            node: false,
            server: false,
        };
        assert_eq!(none().check(), Ok(()));
        for (given, name) in [
            (Given { server: false, ..all() }, "DATABASE_URL"),
            (Given { secret: false, ..all() }, "CLUSTER_SECRET"),
            (Given { node: true, ..none() }, "NODE_ID"),
            (Given { secret: true, ..none() }, "CLUSTER_SECRET"),
            (
                Given {
                    address: true,
                    ..none()
                },
                "CLUSTER_ADDRESS",
            ),
        ] {
            let told = given.check().unwrap_err();
            assert!(told.contains(name) && told.contains("CLUSTER_LISTEN"), "{told}");
        }
    }
}
