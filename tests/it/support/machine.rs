//! Another machine on a network with this one: a namespace of Linux, with a cable between the two.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use sqlx::postgres::PgConnectOptions;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};

/// Ours, as this process has a name of its own.
pub(crate) struct Machine {
    name: String,
    pub(crate) here: Ipv4Addr,
    pub(crate) there: Ipv4Addr,
}

impl Machine {
    /// Makes it; only root may.
    pub(crate) fn new() -> Self {
        let id = std::process::id();
        // Of the networks that are for tests (RFC 2544).
        let address = |host| Ipv4Addr::new(198, 19, (id % 250) as u8, host);
        let machine = Self {
            name: format!("node-{id}"),
            here: address(1),
            there: address(2),
        };
        let (name, cable) = (machine.name.as_str(), format!("node{}", id % 100_000));
        let (here, there) = (format!("{}/24", machine.here), format!("{}/24", machine.there));
        ip(&["netns", "add", name]);
        ip(&[
            "link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", name,
        ]);
        ip(&["addr", "add", &here, "dev", &cable]);
        ip(&["link", "set", &cable, "up"]);
        ip(&["-n", name, "addr", "add", &there, "dev", "eth0"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        machine.plug("up");
        machine
    }

    /// Whether this process may make one.
    pub(crate) fn may_be_made() -> bool {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
    }

    /// Nobody reaches it, and it reaches nobody: no end of a connection is said to anybody.
    pub(crate) fn unplug(&self) {
        self.plug("down");
    }

    pub(crate) fn plug_in(&self) {
        self.plug("up");
    }

    fn plug(&self, state: &str) {
        ip(&["-n", &self.name, "link", "set", "eth0", state]);
    }

    /// The same command, run there.
    pub(crate) fn run(&self, command: &Command) -> Command {
        let mut there = Command::new("ip");
        there.env_clear().env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
        there
            .args(["netns", "exec", &self.name])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(command.get_current_dir().unwrap());
        let variables = command.get_envs();
        there.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        there
    }

    /// How the database of this machine is reached from there, by TCP: a socket in a folder would outlive the cable.
    pub(crate) async fn url_of(&self, database: &PgConnectOptions) -> String {
        let listener = TcpListener::bind(SocketAddr::from((self.here, 0))).await.unwrap();
        let (address, name) = (listener.local_addr().unwrap(), database.get_database().unwrap());
        let url = format!("postgres://chatroom@{address}/{name}?sslmode=disable");
        let socket = format!(".s.PGSQL.{}", database.get_port());
        tokio::spawn(carry(listener, database.get_socket().unwrap().join(socket)));
        url
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The cable goes with it.
        ip(&["netns", "del", &self.name]);
    }
}

async fn carry(listener: TcpListener, target: PathBuf) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let target = target.clone();
        tokio::spawn(async move {
            let mut server = UnixStream::connect(target).await.unwrap();
            // Whichever of them ends is another's test.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

fn ip(words: &[&str]) {
    let done = Command::new("ip").args(words).output();
    let done = done.expect("this test needs iproute2 (apt-get install iproute2), to make a second host");
    assert!(
        done.status.success(),
        "ip {words:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
