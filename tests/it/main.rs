// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

mod admission;
mod clock;
mod crash;
mod disk;
mod export;
mod files;
mod harness;
mod history;
mod ice;
mod inbound;
mod ledger;
mod limits;
mod load;
mod page;
mod polling;
mod power;
mod process;
mod proxy;
mod races;
mod reasons;
mod restart;
mod review;
mod seed;
mod shutdown;
mod signaling;
mod slow;
mod soak;
mod socket;
mod streams;
mod stuck;
mod tasks;
mod unhurried;
mod vitals;
mod wal;
