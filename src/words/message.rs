//! The messages of `languages/`, as the build has made them types: see `build.rs`.

use fluent_bundle::{FluentArgs, FluentValue};

/// Something that can be said in every language.
pub(crate) trait Message {
    /// What languages have it by.
    const ID: &'static str;

    /// What it is told.
    fn arguments(&self) -> FluentArgs<'_>;
}

/// As templates have it.
impl<M: Message> Message for &M {
    const ID: &'static str = M::ID;

    fn arguments(&self) -> FluentArgs<'_> {
        (*self).arguments()
    }
}

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
