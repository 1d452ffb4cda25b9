//! The certificates by which the server speaks TLS itself: the operator's own, or some that it makes. They are renewed while
//! it runs; connections that are open go on with what they began with.

mod files;
mod identity;
mod keep;
mod made;
mod names;
mod pair;

pub use identity::Certificates;
pub use keep::Source;
