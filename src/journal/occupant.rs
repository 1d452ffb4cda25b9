//! Who keeps a server out of a database, and what its operator can do about that.

use std::fmt;

use super::node::{NodeId, NodePlace};

/// Who keeps a server out of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occupant {
    /// A server that is alone, as this one wants to be.
    Alone,
    /// A server that is alone, where this one would be one of several.
    WithoutCluster,
    /// One of several, where this one would be alone.
    Node(NodeAddress),
    /// A node with this one's number.
    SameNumber(NodeAddress),
    /// A node that would not know this one.
    OtherSecret(NodeAddress),
}

/// A node and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress(NodeId, String);

impl Occupant {
    /// Who has the number of `ours`, reached at `address`.
    pub(super) fn of_same_number(ours: &NodePlace, address: Option<String>) -> Self {
        match (&ours.address, address) {
            (Some(_), Some(address)) => Self::SameNumber(NodeAddress(ours.node, address)),
            (_, address) => Self::beside(ours, ours.node, address),
        }
    }

    /// Another node, which cannot be beside `ours`.
    pub(super) fn beside(ours: &NodePlace, node: NodeId, address: Option<String>) -> Self {
        match (&ours.address, address) {
            (None, None) => Self::Alone,
            (Some(_), None) => Self::WithoutCluster,
            (None, Some(address)) => Self::Node(NodeAddress(node, address)),
            (Some(_), Some(address)) => Self::OtherSecret(NodeAddress(node, address)),
        }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} at {}", self.0, self.1)
    }
}

/// As the end of a sentence: in use by …
impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another chatroom-server")?;
        match self {
            Self::Alone => Ok(()),
            Self::WithoutCluster => f.write_str(", which is to be alone, as it has no CLUSTER_LISTEN"),
            Self::Node(node) => write!(
                f,
                ", {node}: to be beside it this one needs CLUSTER_LISTEN, CLUSTER_SECRET and a NODE_ID of its own"
            ),
            Self::SameNumber(node) => write!(f, ", {node}: give this one another NODE_ID"),
            Self::OtherSecret(node) => write!(f, ", {node}, whose CLUSTER_SECRET is not this one's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_can_be_done() {
        let ours = |address: Option<&str>| NodePlace {
            address: address.map(str::to_owned),
            ..NodePlace::default()
        };
        let theirs = |address: &str| Some(address.to_owned());
        let same = |ours, address| Occupant::of_same_number(&ours, address).to_string();
        let beside = |ours, address| Occupant::beside(&ours, NodeId(2), address).to_string();
        let alone = ", which is to be alone, as it has no CLUSTER_LISTEN";
        let needs = "to be beside it this one needs CLUSTER_LISTEN, CLUSTER_SECRET and a NODE_ID of its own";
        for (said, expected) in [
            (same(ours(None), None), String::new()),
            (same(ours(Some("a:1")), None), alone.to_owned()),
            (same(ours(None), theirs("b:1")), format!(", node 1 at b:1: {needs}")),
            (
                same(ours(Some("a:1")), theirs("b:1")),
                ", node 1 at b:1: give this one another NODE_ID".to_owned(),
            ),
            (beside(ours(Some("a:1")), None), alone.to_owned()),
            (beside(ours(None), theirs("b:1")), format!(", node 2 at b:1: {needs}")),
            (
                beside(ours(Some("a:1")), theirs("b:1")),
                ", node 2 at b:1, whose CLUSTER_SECRET is not this one's".to_owned(),
            ),
        ] {
            assert_eq!(said, format!("another chatroom-server{expected}"));
        }
    }
}
