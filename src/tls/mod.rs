//! The certificates by which the server speaks TLS itself: the operator's own, or some that it makes. They are renewed while
//! it runs; connections that are open go on with what they began with.

mod covered;
mod files;
mod identity;
mod keep;
mod made;
mod names;
mod pair;
mod unverified;

pub use covered::CoveredNames;
pub use identity::Certificates;
pub(crate) use identity::provider;
pub use keep::Source;
pub use pair::PairError;
pub use unverified::secured;
