//! The REST API, `/api/v1`: each handler reads what is asked, asks the history once or twice, and answers.

pub(crate) mod document;
pub(crate) mod downloads;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod ice_servers;
pub(crate) mod recovery;
pub(crate) mod removal;
pub(crate) mod rooms;
pub(crate) mod sessions;
