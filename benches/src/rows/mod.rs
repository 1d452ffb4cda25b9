//! The kinds of work, each a row of the table. One run of a row is one start of one subject.

mod churn;
mod class;
mod crowd;
mod idle;
pub(crate) mod joins;
mod journal;
mod mesh;
mod pairs;
pub(crate) mod relay;
mod restart;
mod storm;

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::subject::{Kind, Subject, Target};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Row {
    /// Pairs that answer each other's candidates as fast as they come.
    Relay,
    /// Candidates at a steady pace, and how late they arrive.
    Paced,
    /// Whole rooms that connect everyone with everyone.
    Mesh,
    /// Pages that join and leave without end.
    Churn,
    /// The same in full rooms.
    ChurnFull,
    /// A few pages that join and leave without end, each in a room with a watcher.
    Joins20,
    /// Many of them.
    Joins200,
    /// One of them, now and then.
    JoinAlone,
    /// Two thousand members that do nothing.
    Idle2000,
    /// Ten thousand members that do nothing.
    Idle10000,
    /// Full rooms in which everyone sends to everyone.
    Crowd,
    /// A kill and a start, after which everyone comes back at once.
    Storm,
    /// The same with many rooms, to which nobody has come back yet.
    Restart,
    /// The journal alone, as fast as it goes.
    Journal,
}

/// One figure that a row gives.
pub struct Figure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// What it should be.
    pub goals: &'static [Goal],
}

/// What a figure of ours should be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most so many times another's.
    AtMostTimes(f64, Kind),
    /// At least so many times another's.
    AtLeastTimes(f64, Kind),
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
}

/// Figures by name, of one run.
pub type Values = Vec<(&'static str, f64)>;

impl Row {
    /// All of them, in the table's order.
    pub const ALL: [Self; 14] = [
        Self::Relay,
        Self::Paced,
        Self::Mesh,
        Self::Churn,
        Self::ChurnFull,
        Self::Joins20,
        Self::Joins200,
        Self::JoinAlone,
        Self::Idle2000,
        Self::Idle10000,
        Self::Crowd,
        Self::Storm,
        Self::Restart,
        Self::Journal,
    ];

    /// What is done, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Relay => relay::CLOSED,
            Self::Paced => relay::PACED,
            Self::Mesh => mesh::TITLE,
            Self::Churn => churn::TITLE,
            Self::ChurnFull => churn::FULL,
            Self::Joins20 => joins::FEW,
            Self::Joins200 => joins::MANY,
            Self::JoinAlone => joins::ALONE,
            Self::Idle2000 => "2,000 joined members, idle",
            Self::Idle10000 => "10,000 joined members, idle",
            Self::Crowd => crowd::TITLE,
            Self::Storm => storm::TITLE,
            Self::Restart => restart::TITLE,
            Self::Journal => journal::TITLE,
        }
    }

    /// What comes of it.
    pub fn figures(self) -> &'static [Figure] {
        match self {
            Self::Relay => relay::CLOSED_FIGURES,
            Self::Paced => relay::PACED_FIGURES,
            Self::Mesh => mesh::FIGURES,
            Self::Churn | Self::ChurnFull => churn::FIGURES,
            Self::Joins20 | Self::Joins200 => joins::FIGURES,
            Self::JoinAlone => joins::ALONE_FIGURES,
            Self::Idle2000 | Self::Idle10000 => idle::FIGURES,
            Self::Crowd => crowd::FIGURES,
            Self::Storm => storm::FIGURES,
            Self::Restart => restart::FIGURES,
            Self::Journal => journal::FIGURES,
        }
    }

    /// Who does it.
    pub fn subjects(self) -> &'static [Kind] {
        match self {
            Self::Relay | Self::Paced => &[Kind::Ours, Kind::Node, Kind::Floor, Kind::Gatherer],
            Self::Mesh | Self::Idle2000 | Self::Idle10000 | Self::Crowd => &[Kind::Ours, Kind::Node],
            Self::Churn | Self::ChurnFull => &[Kind::Ours, Kind::Node, Kind::NodeTables, Kind::NodeLean],
            Self::Joins20 | Self::Joins200 | Self::JoinAlone => &[
                Kind::Ours,
                Kind::OnPostgres,
                Kind::Node,
                Kind::NodeTables,
                Kind::NodeLean,
            ],
            // Nothing comes back to the others' members, and they keep no journal.
            Self::Storm | Self::Restart => &[Kind::Ours, Kind::OnPostgres],
            Self::Journal => &[Kind::Ours],
        }
    }

    /// Does it once.
    ///
    /// # Errors
    /// If the subject fails.
    pub async fn run(self, kind: Kind) -> Result<Values> {
        match self {
            // These start what they need.
            Self::Churn => churn::run(kind, churn::SOME).await,
            Self::ChurnFull => churn::run(kind, churn::MANY).await,
            Self::Joins20 => joins::run(kind, 20).await,
            Self::Joins200 => joins::run(kind, 200).await,
            Self::JoinAlone => joins::alone(kind).await,
            Self::Restart => restart::run(kind).await,
            Self::Journal => journal::run().await,
            Self::Relay | Self::Paced | Self::Mesh | Self::Idle2000 | Self::Idle10000 | Self::Crowd | Self::Storm => {
                self.run_on(Subject::start(kind).await?).await
            }
        }
    }

    async fn run_on(self, mut subject: Subject) -> Result<Values> {
        let values = match self {
            Self::Relay => relay::closed(&subject).await,
            Self::Paced => relay::paced(&subject).await,
            Self::Mesh => mesh::run(&subject).await,
            Self::Idle2000 => idle::run(&subject, 2_000).await,
            Self::Idle10000 => idle::run(&subject, 10_000).await,
            Self::Crowd => crowd::run(&subject).await,
            Self::Storm => storm::run(&mut subject).await,
            Self::Churn
            | Self::ChurnFull
            | Self::Joins20
            | Self::Joins200
            | Self::JoinAlone
            | Self::Restart
            | Self::Journal => {
                unreachable!("they start what they need")
            }
        }?;
        subject.stop().await?;
        Ok(values)
    }
}

/// What a subject used while so much was done.
pub(crate) struct Measured {
    count: f64,
    cpu: Duration,
    lasted: Duration,
}

impl Measured {
    pub(crate) fn cpu_us_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count / self.lasted.as_secs_f64()
    }
}

/// Lets others work for `warm_up` unmeasured, and then for `during`, in which they count.
async fn measure(target: &Target, count: &Cell<u64>, warm_up: Duration, during: Duration) -> Result<Measured> {
    tokio::time::sleep(warm_up).await;
    let (before, used, start) = (count.get(), target.cpu()?, Instant::now());
    tokio::time::sleep(during).await;
    Ok(Measured {
        count: (count.get() - before) as f64,
        cpu: target.cpu()? - used,
        lasted: start.elapsed(),
    })
}
