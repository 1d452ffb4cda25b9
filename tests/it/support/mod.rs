//! What the tests have in common.

// The server, from outside; or several of them.
#[cfg(unix)]
pub(crate) mod cluster;
#[cfg(unix)]
pub(crate) mod cut;
#[cfg(target_os = "linux")]
pub(crate) mod machine;
pub(crate) mod metrics;
pub(crate) mod server;
#[cfg(unix)]
pub(crate) mod standby;
pub(crate) mod vitals;
#[cfg(target_os = "linux")]
pub(crate) mod wall_clock;
#[cfg(target_os = "linux")]
pub(crate) mod way;

// What it has written.
pub(crate) mod database;
pub(crate) mod history;
pub(crate) mod wal;

// Who connects to it, and over what.
pub(crate) mod class;
pub(crate) mod follower;
pub(crate) mod load;
pub(crate) mod narrow;
pub(crate) mod page;
pub(crate) mod proxy;
pub(crate) mod pupil;

// What clients were told, held against what is written.
pub(crate) mod ledger;

// Random choices.
pub(crate) mod seed;
