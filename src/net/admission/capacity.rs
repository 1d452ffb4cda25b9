//! How many connections there may be: as many as is wanted, and as the system has descriptors for.

use tracing::warn;

/// How many connections are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Of all addresses together.
    pub over_all: usize,
    /// Of one address.
    pub per_address: usize,
}

impl Capacity {
    /// As configured, where 0 is no limit, within what the system allows. One address may have three quarters of all at
    /// most, so that the others are never without a place.
    pub fn new(max_connections: usize, per_address: usize, allowed: Option<usize>) -> Self {
        let wanted = unless_off(max_connections);
        let over_all = wanted.min(allowed.unwrap_or(usize::MAX)).max(1);
        if over_all < wanted && max_connections > 0 {
            warn!(
                connections = over_all,
                wanted = max_connections,
                "the limit of open files is too low for MAX_CONNECTIONS, which is therefore lower: raise it (ulimit -Hn, or LimitNOFILE= of a systemd unit)"
            );
        }
        Self {
            over_all,
            per_address: unless_off(per_address).min((over_all / 4 * 3).max(1)),
        }
    }
}

/// A limit as it is configured.
pub(crate) fn unless_off(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_bound_what_is_wanted() {
        let capacity = |over_all, per_address| Capacity { over_all, per_address };
        assert_eq!(Capacity::new(20_000, 5_000, Some(1_000_000)), capacity(20_000, 5_000));
        assert_eq!(Capacity::new(20_000, 5_000, Some(928)), capacity(928, 696));
        assert_eq!(Capacity::new(0, 0, Some(928)), capacity(928, 696));
        assert_eq!(Capacity::new(0, 10, None), capacity(usize::MAX, 10));
        assert_eq!(Capacity::new(1, 1, Some(0)), capacity(1, 1));
    }
}
