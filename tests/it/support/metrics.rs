//! What a server tells Prometheus, read as its text format has it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::server::Server;

/// The numbers, by name and labels as they stand.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// What each name is, as its `# TYPE` line says.
    pub(crate) kinds: BTreeMap<String, String>,
    /// What each name says of itself.
    pub(crate) says: BTreeMap<String, String>,
    pub(crate) series: BTreeMap<String, f64>,
}

impl Metrics {
    /// Asks the server that has been started with `METRICS_LISTEN`.
    pub(crate) fn of(server: &Server) -> Self {
        let answer = ask(server, "/metrics");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        Self::read(body)
    }

    fn read(text: &str) -> Self {
        let mut metrics = Self {
            kinds: BTreeMap::new(),
            says: BTreeMap::new(),
            series: BTreeMap::new(),
        };
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(metrics.kinds.insert(name.to_owned(), kind.to_owned()), None, "{line}");
            } else if let Some(says) = line.strip_prefix("# HELP ") {
                let (name, says) = says.split_once(' ').unwrap();
                metrics.says.insert(name.to_owned(), says.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert_eq!(metrics.series.insert(series.to_owned(), value), None, "{line}");
            }
        }
        metrics
    }

    /// One number, by its name and labels: 0 if it is not there.
    pub(crate) fn get(&self, series: &str) -> f64 {
        self.series.get(series).copied().unwrap_or_default()
    }

    /// The sum of all series of a name; of a histogram, how often it was told something.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let is_of = |series: &str| {
            let of = series.split('{').next().unwrap();
            of == name || of.strip_suffix("_count") == Some(name)
        };
        let series = self.series.iter().filter(|(series, _)| is_of(series));
        series.map(|(_, value)| value).sum()
    }
}

/// Where the banner says that metrics are.
fn port(server: &Server) -> u16 {
    let line = server
        .banner
        .iter()
        .find(|line| line.contains("Metrics are at"))
        .unwrap();
    let (_, address) = line.split_once("http://localhost:").unwrap();
    address.strip_suffix("/metrics").unwrap().parse().unwrap()
}

pub(crate) fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port(server))).unwrap()
}

/// The whole answer of that port.
pub(crate) fn ask(server: &Server, path: &str) -> String {
    let mut stream = connect(server);
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
