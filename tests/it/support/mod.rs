//! What the tests have in common.

// The server, from outside.
pub(crate) mod metrics;
pub(crate) mod server;
pub(crate) mod vitals;

// What it has written.
pub(crate) mod database;
pub(crate) mod history;
pub(crate) mod wal;

// Who connects to it, and over what.
pub(crate) mod class;
pub(crate) mod load;
pub(crate) mod narrow;
pub(crate) mod page;
pub(crate) mod proxy;

// What clients were told, held against what is written.
pub(crate) mod ledger;

// Random choices.
pub(crate) mod seed;
