// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

mod crash;
mod disk;
mod harness;
mod history;
mod ledger;
mod load;
mod power;
mod process;
mod restart;
mod seed;
mod signaling;
mod socket;
mod wal;
