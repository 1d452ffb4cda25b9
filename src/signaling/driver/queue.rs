//! What waits for the journal, and what waits behind it.

use std::collections::VecDeque;

/// Batches that leave in the order they came, each once it is ready.
pub(super) struct ReleaseQueue<T> {
    batches: VecDeque<(T, bool)>,
    /// The number of the first batch in `batches`.
    first: u64,
}

impl<T> Default for ReleaseQueue<T> {
    fn default() -> Self {
        Self {
            batches: VecDeque::new(),
            first: 0,
        }
    }
}

impl<T> ReleaseQueue<T> {
    /// The number of the batch that is pushed next.
    pub(super) fn next_number(&self) -> u64 {
        self.first + self.batches.len() as u64
    }

    pub(super) fn push(&mut self, batch: T, is_ready: bool) {
        self.batches.push_back((batch, is_ready));
    }

    /// The batch of this number waits for nothing any more. One that is gone, or never was, does not matter.
    pub(super) fn release(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| index.try_into().ok());
        if let Some((_, is_ready)) = index.and_then(|index: usize| self.batches.get_mut(index)) {
            *is_ready = true;
        }
    }

    /// Takes the first batch, if it waits for nothing.
    pub(super) fn pop_ready(&mut self) -> Option<T> {
        let (batch, _) = self.batches.pop_front_if(|(_, is_ready)| *is_ready)?;
        self.first += 1;
        Some(batch)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_leave_in_order_once_those_before_them_are_ready() {
        let mut queue = ReleaseQueue::default();
        for (batch, is_ready) in [("a", false), ("b", true), ("c", false), ("d", true)] {
            queue.push(batch, is_ready);
        }
        assert_eq!(queue.pop_ready(), None);
        queue.release(2);
        assert_eq!(queue.pop_ready(), None, "c is behind a");
        queue.release(0);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop_ready()).collect();
        assert_eq!(left, ["a", "b", "c", "d"]);
        assert!(queue.is_empty());
        assert_eq!(queue.next_number(), 4);
        queue.push("e", false);
        for other in [3, 5, u64::MAX] {
            queue.release(other);
        }
        assert_eq!(queue.pop_ready(), None);
        queue.release(4);
        assert_eq!(queue.pop_ready(), Some("e"));
    }
}
