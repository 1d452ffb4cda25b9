//! The certificate by which the server speaks TLS itself.

use std::path::PathBuf;

use clap::ValueEnum;

/// A certificate that the server makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    /// One that nobody has vouched for: browsers warn before they go on.
    SelfSigned,
}

/// Where a certificate of the operator's own is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}
