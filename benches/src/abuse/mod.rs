//! One client that does what it can to stop, swell or empty the classes of others, and what those notice of it.
//!
//! [`class`] behaves well and measures what it gets; each of [`attacks`] comes from a process of its own, so that what it
//! holds and waits for is not the class's; [`trial`] puts one beside the other and holds what the class was told against
//! the history.

pub mod attacks;
mod class;
mod front;
mod huge;
mod ledger;
mod source;
pub mod table;
pub mod trial;
