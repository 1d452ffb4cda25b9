//! What one client can do, each as fast as it goes until the time is over.

mod emptying;
mod guessing;
mod journal;
mod stopping;
mod swelling;
mod tls;

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::source::Source;

/// One way to do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attack {
    /// Nothing: how far two stretches of the same time differ.
    Nothing,
    /// POSTs of an unreadable packet and five messages.
    Unreadable,
    /// A disconnect beside a POST that is still handled.
    Disconnect,
    /// One identity that takes itself over.
    Takeover,
    /// WebSockets that repeat the packet that connects.
    Connects,
    /// GETs with 16,000 parameters.
    Parameters,
    /// Polling handshakes that never connect.
    Handshakes,
    /// Large messages before a join.
    Early,
    /// Fragments of messages that never end.
    Fragments,
    /// A large message, then silence.
    Buffers,
    /// Output that nobody reads.
    Unread,
    /// Bodies that never end.
    Bodies,
    /// Heads that never end.
    Heads,
    /// More connections than there are files.
    Files,
    /// A new name for each join.
    Names,
    /// A room for each join.
    Rooms,
    /// The same who come and go.
    Churn,
    /// Messages that are refused.
    Refusals,
    /// Candidates to a member that has dropped.
    Away,
    /// One sender to a member that reads slowly.
    Slow,
    /// Leaves with entries of links that there are not.
    Leaves,
    /// The server's own words in a peer's mouth.
    Reserved,
    /// Guesses of a member's id.
    Ids,
    /// Guesses of the review's token.
    Tokens,
    /// The dearest questions to a session of 50,000 names.
    Review,
    /// Handshakes of TLS, each with a connection of its own.
    TlsHandshakes,
    /// The first that a client says of one, then silence.
    TlsSilence,
    /// The same, a byte a second.
    TlsTrickle,
}

/// What an attacker has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// What was done.
    pub done: u64,
    /// What was refused, or ended early.
    pub refused: u64,
    /// How often a victim of its own was looked at.
    pub victims: u64,
    /// How often it had come to harm.
    pub harmed: u64,
}

/// The same while it counts.
#[derive(Default)]
struct Counts {
    done: Cell<u64>,
    refused: Cell<u64>,
    victims: Cell<u64>,
    harmed: Cell<u64>,
}

/// From where and on whom.
#[derive(Clone)]
struct Field {
    /// The attacker.
    source: Source,
    /// A member of the class that it is after.
    victim: Source,
    counts: Rc<Counts>,
}

/// After a refusal: what a client does that has all the time of the world.
const BREATH: Duration = Duration::from_millis(5);

impl Attack {
    /// What is done, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nothing => "nothing at all",
            Self::Unreadable => "POSTs of an unreadable packet and five messages",
            Self::Disconnect => "`41` beside a running POST",
            Self::Takeover => "16 sockets that take over one identity",
            Self::Connects => "4 WebSockets that repeat `40`",
            Self::Parameters => "GETs with 16,000 parameters",
            Self::Handshakes => "polling handshakes that never connect",
            Self::Early => "messages of 0.9 MB before a join, 300 sockets",
            Self::Fragments => "unfinished fragments of 0.9 MB, 1,000 sockets",
            Self::Buffers => "a message of 0.9 MB, then silence, 500 sockets",
            Self::Unread => "output that nobody reads, 200 sockets",
            Self::Bodies => "half-sent bodies of 0.9 MB, 1,000 connections",
            Self::Heads => "half-sent heads, 2,000 connections",
            Self::Files => "1,007 silent connections, `ulimit -n 1024`",
            Self::Names => "a new name for each join, 32 sockets",
            Self::Rooms => "a room for each join, 32 sockets",
            Self::Churn => "joins and leaves, 32 sockets",
            Self::Refusals => "refused messages, 16 sockets",
            Self::Away => "257 tiny candidates to a member that dropped",
            Self::Slow => "one sender to a member that reads slowly",
            Self::Leaves => "300 forged entries of `leave` to a member that dropped",
            Self::Reserved => "`reconnectWork` with `leave` and `getOffer`",
            Self::Ids => "guesses of an `id` at `/recovery`",
            Self::Tokens => "guesses of the review's token",
            Self::Review => "the dearest questions to a session of 50,000 names",
            Self::TlsHandshakes => "TLS: whole handshakes, 32 at a time",
            Self::TlsSilence => "TLS: `ClientHello`, then silence, 2,000 connections",
            Self::TlsTrickle => "TLS: a byte of `ClientHello` a second, 2,000 connections",
        }
    }

    /// How a command line names it.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// How many files the server may have open.
    pub(super) fn files(self) -> Option<u32> {
        (self == Self::Files).then_some(1024)
    }

    /// Whether the server speaks TLS, and so the class.
    pub(super) fn is_of_tls(self) -> bool {
        matches!(self, Self::TlsHandshakes | Self::TlsSilence | Self::TlsTrickle)
    }

    /// Goes on for so long, and gives what it has done.
    ///
    /// # Errors
    /// If it cannot even begin.
    pub async fn run(self, from: IpAddr, server: SocketAddr, during: Duration) -> Result<Tally> {
        let field = Field {
            source: Source { from, server },
            victim: Source {
                from: [127, 0, 0, 1].into(),
                server,
            },
            counts: Rc::default(),
        };
        let done = timeout(during, self.go_on(field.clone())).await;
        if let Ok(ended) = done {
            ended.context("the attack ended by itself")?;
        }
        let counts = field.counts;
        Ok(Tally {
            done: counts.done.get(),
            refused: counts.refused.get(),
            victims: counts.victims.get(),
            harmed: counts.harmed.get(),
        })
    }

    async fn go_on(self, field: Field) -> Result<()> {
        match self {
            Self::Nothing => std::future::pending().await,
            Self::Unreadable => field.repeat(16, stopping::unreadable).await,
            Self::Disconnect => field.repeat(16, stopping::disconnect).await,
            Self::Takeover => field.repeat(16, stopping::takeover).await,
            Self::Connects => field.repeat(4, stopping::connects).await,
            Self::Parameters => field.repeat(8, stopping::parameters).await,
            Self::Handshakes => field.repeat(32, swelling::handshakes).await,
            Self::Early => field.repeat(300, swelling::early).await,
            Self::Fragments => field.repeat(1_000, swelling::fragments).await,
            Self::Buffers => field.repeat(500, swelling::buffers).await,
            Self::Unread => field.repeat(100, swelling::unread).await,
            Self::Bodies => field.repeat(1_000, swelling::bodies).await,
            Self::Heads => field.repeat(2_000, swelling::heads).await,
            Self::Files => field.repeat(1_007, swelling::silent).await,
            Self::Names => field.repeat(32, journal::names).await,
            Self::Rooms => field.repeat(32, journal::rooms).await,
            Self::Churn => field.repeat(32, journal::churn).await,
            Self::Refusals => field.repeat(16, journal::refusals).await,
            Self::Away => field.repeat(1, emptying::away).await,
            Self::Slow => field.repeat(1, emptying::slow).await,
            Self::Leaves => field.repeat(1, emptying::leaves).await,
            Self::Reserved => field.repeat(1, emptying::reserved).await,
            Self::Ids => field.repeat(32, guessing::ids).await,
            Self::Tokens => field.repeat(32, guessing::tokens).await,
            Self::Review => field.repeat(8, guessing::review).await,
            Self::TlsHandshakes => field.repeat(32, tls::handshakes).await,
            Self::TlsSilence => field.repeat(2_000, tls::silence).await,
            Self::TlsTrickle => field.repeat(2_000, tls::trickle).await,
        }
    }
}

impl Field {
    /// Does the same in so many places at once, again and again.
    async fn repeat<D>(self, places: usize, deed: D) -> Result<()>
    where
        D: AsyncFn(&Self, usize) -> Result<()> + Copy + 'static,
    {
        let mut all = JoinSet::new();
        for place in 0..places {
            let field = self.clone();
            all.spawn_local(async move {
                loop {
                    if deed(&field, place).await.is_err() {
                        field.counts.refused.set(field.counts.refused.get() + 1);
                        sleep(BREATH).await;
                    }
                }
            });
        }
        match all.join_next().await {
            Some(Err(panicked)) => Err(panicked.into()),
            Some(Ok(())) | None => bail!("no place is left"),
        }
    }

    /// Counts one thing done, and gives its number.
    fn count(&self) -> usize {
        let done = self.counts.done.get();
        self.counts.done.set(done + 1);
        done as usize
    }

    /// Counts a victim that was looked at.
    fn look(&self, is_harmed: bool) {
        let Counts { victims, harmed, .. } = &*self.counts;
        victims.set(victims.get() + 1);
        harmed.set(harmed.get() + u64::from(is_harmed));
    }
}

impl Tally {
    /// As [`Tally::read`] reads it.
    pub fn write(self) -> String {
        let Self {
            done,
            refused,
            victims,
            harmed,
        } = self;
        format!("{done} {refused} {victims} {harmed}")
    }

    /// What another process wrote. `None` if it is anything else.
    pub fn read(text: &str) -> Option<Self> {
        let numbers: Vec<u64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [done, refused, victims, harmed] = numbers.try_into().ok()?;
        Some(Self {
            done,
            refused,
            victims,
            harmed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_comes_back() {
        let tally = Tally {
            done: 1,
            refused: 2,
            victims: 3,
            harmed: 4,
        };
        assert_eq!(Tally::read(&tally.write()), Some(tally));
        assert_eq!(Tally::read("1 2 3"), None);
        assert_eq!(Tally::read("no"), None);
    }
}
