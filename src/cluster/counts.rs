//! What is counted of this node's part among the others.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Since the start, but for links, which are those that there are. Pairs are what goes out and what comes in.
#[derive(Default)]
pub(super) struct Counts {
    links: [AtomicUsize; 2],
    forwarded: [AtomicU64; 2],
    takeovers: AtomicU64,
}

/// Which way something goes, seen from this node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    Out,
    In,
}

impl Counts {
    pub(super) fn link_made(&self, direction: Direction) {
        self.links[direction as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn link_ended(&self, direction: Direction) {
        self.links[direction as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn forwarded(&self, direction: Direction) {
        self.forwarded[direction as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn taken_over(&self, rooms: usize) {
        self.takeovers.fetch_add(rooms as u64, Ordering::Relaxed);
    }

    pub(super) fn links(&self) -> [usize; 2] {
        self.links.each_ref().map(|links| links.load(Ordering::Relaxed))
    }

    pub(super) fn messages(&self) -> [u64; 2] {
        self.forwarded
            .each_ref()
            .map(|messages| messages.load(Ordering::Relaxed))
    }

    pub(super) fn takeovers(&self) -> u64 {
        self.takeovers.load(Ordering::Relaxed)
    }
}
