//! What the other modules share: addresses, ids, times, and the words that are stored and sent. Imports nothing of ours.

pub mod address;
pub mod id;
mod schema;
pub mod text;
pub mod time;
pub mod vocabulary;
