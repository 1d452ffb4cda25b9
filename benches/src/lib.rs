//! What measures chatroom-server: load, peers, and a history of any size. `benches/run` says how to start each.
//!
//! The load ([`member`]) is one thread that speaks raw frames and costs less than any [`subject`] it measures;
//! each of [`rows`] puts one kind of work on each subject, and [`report`] writes what came of it as tables. [`cluster`] is of
//! several servers that are one.

pub mod abuse;
pub mod cluster;
pub mod member;
pub mod process;
pub mod report;
pub mod review;
pub mod rows;
pub mod subject;
pub mod words;
