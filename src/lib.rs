pub mod banner;
pub mod config;
pub mod logging;
pub mod net;
pub mod room;
pub mod server;
pub mod signals;
pub mod static_files;
