//! The words that the other modules share. Imports nothing of ours.

pub mod address;
