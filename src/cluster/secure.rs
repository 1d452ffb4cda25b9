//! What is said on links is encrypted. The certificate, which each start makes anew, says nothing of who a node is: what both
//! prove of the secret does, and it is proved over this very connection ([`binding`]), so that nobody can stand between.

use std::io;
use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
use std::sync::Arc;

use anyhow::Context;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::{TlsAcceptor, TlsStream};
use tokio_tungstenite::tungstenite::Error;

use crate::tls::{provider, secured};

/// What the keys of a connection are asked for.
const LABEL: &[u8] = b"EXPORTER-chatroom-server-link";

pub(super) type SecureStream = TlsStream<TcpStream>;

/// Takes in the other nodes' connections.
///
/// # Errors
/// If no certificate can be made.
pub(super) fn acceptor() -> anyhow::Result<TlsAcceptor> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["node".to_owned()]).context("No certificate can be made for links")?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    // Of the earlier versions not all keys are of one connection alone.
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes a connection to another node one that nobody else reads.
///
/// # Errors
/// If the other does not.
pub(super) async fn connect(stream: TcpStream) -> io::Result<SecureStream> {
    secured(stream).await.map(TlsStream::from)
}

/// What is the same at both ends of a connection, and of no other; `None` if they do not speak yet.
pub(super) fn binding(stream: &SecureStream) -> Option<[u8; 32]> {
    let exported = match stream {
        TlsStream::Client(stream) => stream.get_ref().1.export_keying_material([0; 32], LABEL, None),
        TlsStream::Server(stream) => stream.get_ref().1.export_keying_material([0; 32], LABEL, None),
    };
    exported.ok()
}

/// Why a connection broke. One whose other end was killed ends in a way that TLS says more of than anybody wants to know.
pub(super) fn broken(error: &Error) -> String {
    if let Error::Io(error) = error
        && is_cut(error)
    {
        return "its connection was cut".to_owned();
    }
    error.to_string()
}

/// Whether the other end is gone.
pub(super) fn is_cut(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe
    )
}
