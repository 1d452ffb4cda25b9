//! What every handler needs of HTTP: who may ask, what is asked, and how it is refused.

pub(crate) mod access;
pub(crate) mod base_path;
pub(crate) mod body;
pub(crate) mod cookies;
pub(crate) mod cors;
pub(crate) mod csv;
pub(crate) mod error;
pub(crate) mod filename;
pub(super) mod forbidden_log;
pub(crate) mod join_token;
pub(crate) mod language;
pub(crate) mod params;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod review_link;
pub(crate) mod throttle;
pub(crate) mod turns;
pub(crate) mod zone;
