//! TLS of the server's own: what clients are shown, and what goes on while it changes.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream as StdStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::server::{PROGRAM, Server, TOKEN, command, program};

const SOON: Duration = Duration::from_secs(30);

/// A client that believes the certificates of a file, and nobody else's.
async fn connect(port: u16, trusted: &Path, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(trusted).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn ask(port: u16, trusted: &Path, path: &str) -> String {
    ask_with(port, trusted, path, "").await
}

/// The same, with these lines in the request's head.
async fn ask_with(port: u16, trusted: &Path, path: &str, lines: &str) -> String {
    let mut stream = connect(port, trusted, "localhost").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n{lines}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn sent_plainly(port: u16, bytes: &[u8]) -> String {
    let mut stream = StdStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A member of a room, over a WebSocket within TLS.
struct Member(WebSocketStream<TlsStream<TcpStream>>);

impl Member {
    async fn join(port: u16, trusted: &Path, name: &str) -> Self {
        let stream = connect(port, trusted, "localhost").await.unwrap();
        let url = format!("wss://localhost:{port}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let mut member = Self(socket);
        member.expect("0{").await;
        member.send("40".to_owned()).await;
        member.expect("40{").await;
        let me = json!({"id": format!("id-of-a-member-{name}"), "username": name, "roomname": "lesson"});
        member.send(format!("420{}", json!(["join", me]))).await;
        assert!(member.expect("430").await.contains("\"ok\":true"));
        member
    }

    async fn send(&mut self, packet: String) {
        self.0.send(Message::text(packet)).await.unwrap();
    }

    /// The next packet that begins so; the server's pings are answered.
    async fn expect(&mut self, start: &str) -> String {
        loop {
            let message = timeout(SOON, self.0.next()).await.expect(start).unwrap().unwrap();
            let text = message.into_text().unwrap().to_string();
            if text.starts_with(start) {
                return text;
            }
            if text == "2" {
                self.send("3".to_owned()).await;
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_of_its_own_is_kept_and_names_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("chatroom.db.tls-cert");
    let mut shown = Vec::new();
    for _ in 0..2 {
        let mut server = Server::start(program(folder.path(), &[("TLS", "self-signed")]));
        assert!(server.banner[1].contains("https://localhost:"), "{:?}", server.banner);
        for name in ["localhost", "127.0.0.1"] {
            let stream = connect(server.port, &certificate, name).await.unwrap();
            shown.push(stream.get_ref().1.peer_certificates().unwrap()[0].clone());
        }
        let answer = ask(server.port, &certificate, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!answer.contains("strict-transport-security"), "{answer}");
        let signed_in = ask(server.port, &certificate, &format!("/review?token={TOKEN}")).await;
        let cookie = signed_in
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .unwrap();
        assert!(
            cookie.starts_with("__Host-") && cookie.ends_with("; Secure"),
            "{cookie}"
        );
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
    }
    shown.dedup();
    assert_eq!(shown.len(), 1, "a restart shows the same");
}

#[tokio::test]
async fn who_speaks_no_tls_is_sent_to_https_or_cut() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(program(
        folder.path(),
        &[("TLS", "self-signed"), ("REVIEW_LISTEN", "0")],
    ));
    let line = server
        .banner
        .iter()
        .find(|line| line.contains("Review a class at"))
        .unwrap();
    let (_, rest) = line.split_once("https://localhost:").unwrap();
    let review: u16 = rest.split('/').next().unwrap().parse().unwrap();
    for port in [server.port, review] {
        let head = format!("POST /a?b=c HTTP/1.1\r\nhost: 192.0.2.7:{port}\r\ncontent-length: 0\r\n\r\n");
        let answer = sent_plainly(port, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
        assert!(
            answer.contains(&format!("location: https://192.0.2.7:{port}/a?b=c\r\n")),
            "{answer}"
        );
        assert!(!answer.contains("strict-transport-security"), "{answer}");
        // A record that is no handshake, and nothing that is known at all.
        for garbage in [
            &b"\x16\x03\x01\x00\x05hello"[..],
            b"\x00\x01\x02\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
        ] {
            let answer = sent_plainly(port, garbage);
            assert!(!answer.contains(" 200 ") && !answer.contains(" 308 "), "{answer}");
        }
    }
    let certificate = folder.path().join("chatroom.db.tls-cert");
    assert!(ask(review, &certificate, "/readyz").await.starts_with("HTTP/1.1 200"));
}

/// A certificate and its key, where the settings look for them.
pub(crate) fn write_pair(folder: &Path) -> (String, String) {
    write_pair_for(folder, &["localhost"])
}

fn write_pair_for(folder: &Path, names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let params = CertificateParams::new(names).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    fs::write(folder.join("class.crt"), &certificate).unwrap();
    fs::write(folder.join("class.key"), key.serialize_pem()).unwrap();
    (certificate, key.serialize_pem())
}

#[tokio::test]
async fn a_renewal_in_the_middle_of_a_class_drops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_pair(path);
    let trusted = path.join("class.crt");
    let files = [("TLS_CERT", "class.crt"), ("TLS_KEY", "class.key")];
    let mut server = Server::start_unread(program(path, &files), &path.join("log"));
    let answer = ask(server.port, &trusted, "/readyz").await;
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    let mut ann = Member::join(server.port, &trusted, "ann").await;

    let (renewed, _) = write_pair(path);
    let kept = path.join("renewed.crt");
    fs::write(&kept, renewed).unwrap();
    let start = Instant::now();
    while connect(server.port, &kept, "localhost").await.is_err() {
        assert!(start.elapsed() < SOON, "the new certificate is never shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _bo = Member::join(server.port, &kept, "bo").await;
    // She is where she was, and hears of it.
    assert!(ann.expect("42").await.contains("getOffer"));

    fs::write(path.join("class.key"), "nonsense").unwrap();
    let log = || fs::read_to_string(path.join("log")).unwrap();
    let start = Instant::now();
    while !log().contains("The certificate from before goes on") {
        assert!(start.elapsed() < SOON, "{}", log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _cy = Member::join(server.port, &kept, "cy").await;
    assert!(ann.expect("42").await.contains("getOffer"));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let log = log();
    assert_eq!(
        log.matches("has changed: new connections are shown the new one")
            .count(),
        1,
        "{log}"
    );
    assert_eq!(
        log.matches("which holds no private key in PEM form").count(),
        1,
        "{log}"
    );
}

#[test]
fn a_pair_that_cannot_be_used_is_told_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = write_pair(folder.path());
    write_pair(folder.path());
    fs::write(folder.path().join("class.crt"), certificate).unwrap();
    let output = command(PROGRAM, folder.path())
        .args(["--port", "0", "--tls-cert", "class.crt", "--tls-key", "class.key"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    let sentence = "the key in class.key (TLS_KEY) is not that of the first certificate in class.crt (TLS_CERT)";
    assert!(told.contains(sentence), "{told}");
    assert!(!folder.path().join("chatroom.db").exists());
}

#[tokio::test]
async fn a_name_that_the_certificate_covers_is_told_before_addresses_that_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    write_pair_for(folder.path(), &["*.school.example", "localhost"]);
    let files = [("TLS_CERT", "class.crt"), ("TLS_KEY", "class.key")];
    let mut start = program(folder.path(), &files);
    start.envs([("HOST", "0.0.0.0"), ("ALLOWED_HOSTS", "class.school.example")]);
    let server = Server::start_unread(start, &folder.path().join("log"));
    let origin = format!("https://class.school.example:{}", server.port);
    let banner = server.banner.join("\n");
    for line in [
        format!("  Clients connect to  {origin}\n"),
        format!("  Review a class at   {origin}/review ("),
        format!("  Ask by REST at      {origin}/api/v1,"),
    ] {
        assert!(banner.contains(&line), "{banner}");
    }
    let reviewer = format!("authorization: Bearer {TOKEN}\r\n");
    let trusted = folder.path().join("class.crt");
    let page = ask_with(server.port, &trusted, "/review/project", &reviewer).await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains(&format!("QR code of {origin}/\"")), "{page}");
}

#[test]
fn a_start_that_others_see_draws_the_address_and_keeps_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut start = command(PROGRAM, folder.path());
    let mut child = start
        .args(["--port", "0", "--qr"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut banner = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // Below the picture is what it says.
        let is_last = line.starts_with("  http://localhost:");
        banner.push(line);
        if is_last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let token = fs::read_to_string(folder.path().join("chatroom.db.review-token")).unwrap();
    let banner = banner.join("\n");
    assert!(!banner.contains(token.trim()) && !banner.contains("token="), "{banner}");
    assert!(banner.contains("chatroom.db.review-token)"), "{banner}");
    assert!(banner.contains("█▀"), "{banner}");
}
