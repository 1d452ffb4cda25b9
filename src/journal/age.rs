//! How old a history is.

/// Which version's history tables of ours are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// The next start brings them up to date.
    Earlier,
    /// This version's.
    Current,
    /// A later one's, which this one does not open.
    Newer,
}
