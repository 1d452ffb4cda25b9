//! What waits for the journal, and what waits behind it.

use std::collections::VecDeque;

/// Batches that leave in the order they came, each once it waits for nothing any more.
pub(super) struct ReleaseQueue<T> {
    /// Each with how many things it waits for.
    batches: VecDeque<(T, u8)>,
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

    /// `waits_for` is how often it has to be released before it leaves.
    pub(super) fn push(&mut self, batch: T, waits_for: u8) {
        self.batches.push_back((batch, waits_for));
    }

    /// The batch of this number waits for one thing less. One that is gone, or never was, does not matter.
    pub(super) fn release(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| index.try_into().ok());
        if let Some((_, waits_for)) = index.and_then(|index: usize| self.batches.get_mut(index)) {
            *waits_for = waits_for.saturating_sub(1);
        }
    }

    /// Takes the first batch, if it waits for nothing.
    pub(super) fn pop_ready(&mut self) -> Option<T> {
        let (batch, _) = self.batches.pop_front_if(|(_, waits_for)| *waits_for == 0)?;
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
        for (batch, waits_for) in [("a", 1), ("b", 0), ("c", 2), ("d", 0)] {
            queue.push(batch, waits_for);
        }
        assert_eq!(queue.pop_ready(), None);
        queue.release(2);
        assert_eq!(queue.pop_ready(), None, "c is behind a");
        queue.release(0);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop_ready()).collect();
        assert_eq!(left, ["a", "b"], "c waits for one more");
        queue.release(2);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop_ready()).collect();
        assert_eq!(left, ["c", "d"]);
        assert!(queue.is_empty());
        assert_eq!(queue.next_number(), 4);
        queue.push("e", 1);
        for other in [3, 5, u64::MAX] {
            queue.release(other);
        }
        assert_eq!(queue.pop_ready(), None);
        queue.release(4);
        assert_eq!(queue.pop_ready(), Some("e"));
    }
}
