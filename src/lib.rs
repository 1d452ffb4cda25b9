//! chatroom-server: WebRTC signaling over Socket.IO that keeps a history.
//!
//! The tree shows the way of the data. A socket's message comes in through [`signaling`], which hands it to one
//! [`room`]: pure code that says what follows. What must be remembered goes to the [`journal`], the one way to disk;
//! what must be said goes out once that is written. Reading the past is another way: [`web`] asks [`history`].
//! [`server`] puts the parts together over [`net`], as [`config`] says.

pub mod addresses;
pub mod banner;
pub mod check;
mod cluster;
pub mod config;
pub mod export;
#[doc(hidden)]
pub mod fuzzing;
mod glances;
pub mod healthcheck;
pub mod held;
pub mod history;
mod hs256;
pub mod import;
pub mod join_token;
pub mod journal;
pub mod limit;
mod live_rooms;
pub mod logging;
pub mod metrics;
pub mod model;
pub mod net;
mod priority;
mod private_file;
pub mod progress;
mod qr;
mod requests;
pub mod review_token;
pub mod room;
pub mod server;
mod service_manager;
pub mod signaling;
pub mod signals;
mod sql;
pub mod static_files;
mod tables;
pub mod tls;
pub mod web;
mod words;
