//! Who may come into which room: the tokens that people show, and the rooms that there may be.
//!
//! A token is a JWT (RFC 7519), signed by HS256 with `JOIN_SECRET`. What it says is decided here, purely; sockets, REST and
//! the command line are around it, and rooms know nothing of it.

mod claims;
mod link;
mod pattern;
mod refusal;
mod rules;

pub use claims::{Claims, Grant};
pub use link::{PageAddress, link};
pub use pattern::{RoomPattern, RoomPatterns};
pub use refusal::{Forbidden, MAX_TOKEN_BYTES};
pub use rules::{Entry, EntryRules, Pass, Shown};
