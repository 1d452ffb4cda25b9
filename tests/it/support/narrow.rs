//! Connections that take little, so that what is sent to who does not read soon waits in the server.
#![cfg(target_os = "linux")]

use chatroom_testkit::Socket;

use serde_json::Value;
use tokio::net::TcpSocket;

/// A TCP connection that takes little before it is full.
pub(crate) async fn narrow(port: u16) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    // The sender's buffer grows with the segments' size, which is huge on the loopback.
    socket2::SockRef::from(&socket).set_tcp_mss(536).unwrap();
    socket.connect(([127, 0, 0, 1], port).into()).await.unwrap()
}

pub(crate) async fn narrow_member(port: u16, room: &str, name: &str) -> (Socket, Value) {
    let socket = Socket::over(narrow(port).await).await.unwrap();
    socket.joined(room, name).await
}
