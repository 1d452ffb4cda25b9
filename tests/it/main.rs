// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

mod harness;
mod process;
mod signaling;
mod socket;
