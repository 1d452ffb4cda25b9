//! Lists in pieces: each page begins right after the last key of the one before, so it costs what it shows.

/// Which piece of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The most rows to give, at least 1.
    pub limit: usize,
    /// The key that the piece begins after; `None` for the first piece.
    pub after: Option<K>,
}

/// A piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T, K> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// What the next piece begins after; `None` if this was the last.
    pub next: Option<K>,
}

impl<K> Page<K> {
    /// One row more than asked for: it tells whether there is a next page.
    pub(crate) fn probe(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }
}

impl<T, K> Slice<T, K> {
    /// The piece with something made of each row.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Slice<U, K> {
        Slice {
            rows: self.rows.into_iter().map(make).collect(),
            next: self.next,
        }
    }

    /// Cuts what was read with [`Page::probe`] down to the page.
    pub(crate) fn cut(mut rows: Vec<T>, limit: usize, key: impl FnOnce(&T) -> K) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(key);
        Self { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_too_many_is_cut_and_tells_of_a_next_page() {
        assert_eq!(
            Slice::cut(vec![1, 2, 3], 2, |row| *row),
            Slice {
                rows: vec![1, 2],
                next: Some(2)
            }
        );
        assert_eq!(
            Slice::cut(vec![1, 2], 2, |row| *row),
            Slice {
                rows: vec![1, 2],
                next: None
            }
        );
        assert_eq!(
            Slice::cut(Vec::<i32>::new(), 2, |row| *row),
            Slice {
                rows: vec![],
                next: None
            }
        );
    }
}
