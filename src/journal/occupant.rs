//! Who keeps a server out of a database, and what its operator can do about that.

use std::fmt;

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
pub struct NodeAddress(u16, String);

impl Occupant {
    /// Who has this server's own number, to be seen by one that `is_alone` or is one of several.
    pub(super) fn of_same_number(is_alone: bool, node: u16, address: Option<String>) -> Self {
        match address {
            Some(address) if !is_alone => Self::SameNumber(NodeAddress(node, address)),
            address => Self::beside(is_alone, node, address),
        }
    }

    /// Another node, which cannot be beside this one.
    pub(super) fn beside(is_alone: bool, node: u16, address: Option<String>) -> Self {
        match (is_alone, address) {
            (true, None) => Self::Alone,
            (false, None) => Self::WithoutCluster,
            (true, Some(address)) => Self::Node(NodeAddress(node, address)),
            (false, Some(address)) => Self::OtherSecret(NodeAddress(node, address)),
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
        let theirs = || Some("b:1".to_owned());
        let same = |is_alone, address| Occupant::of_same_number(is_alone, 1, address).to_string();
        let beside = |is_alone, address| Occupant::beside(is_alone, 2, address).to_string();
        let alone = ", which is to be alone, as it has no CLUSTER_LISTEN";
        let needs = "to be beside it this one needs CLUSTER_LISTEN, CLUSTER_SECRET and a NODE_ID of its own";
        for (said, expected) in [
            (same(true, None), String::new()),
            (same(false, None), alone.to_owned()),
            (same(true, theirs()), format!(", node 1 at b:1: {needs}")),
            (
                same(false, theirs()),
                ", node 1 at b:1: give this one another NODE_ID".to_owned(),
            ),
            (beside(false, None), alone.to_owned()),
            (beside(true, theirs()), format!(", node 2 at b:1: {needs}")),
            (
                beside(false, theirs()),
                ", node 2 at b:1, whose CLUSTER_SECRET is not this one's".to_owned(),
            ),
        ] {
            assert_eq!(said, format!("another chatroom-server{expected}"));
        }
    }
}
