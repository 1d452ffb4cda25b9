//! What the other modules share: addresses, ids, languages, secrets, times, and the words that are stored and sent. Imports nothing of ours.

pub mod act;
pub mod address;
pub mod glance;
pub mod id;
pub mod language;
pub mod limit;
pub(crate) mod look;
pub mod review_link;
mod schema;
pub mod secret;
pub mod text;
pub mod time;
pub mod vocabulary;
