//! Tests against the real binary, each with a server and a folder of its own.

// Clippy's allow-unwrap-in-tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

mod support;

// What a member and a reviewer see of a server that is well.
mod acts;
mod base_path;
mod export;
mod glances;
mod healthcheck;
mod ice;
mod log;
mod metrics;
mod migrations;
mod moves;
mod postgres;
mod process;
mod reasons;
mod review;
mod signaling;
mod streams;
mod tls;

// What happens at the same instant, and over a long time.
mod races;
mod soak;
mod tasks;

// What is left after a stop, a kill, a power failure, a full disk, or a clock that jumps.
mod check;
mod clock;
mod crash;
mod disk;
mod disk_of_postgres;
mod files;
mod power;
mod replica;
mod restart;
mod service_manager;
mod shutdown;

// Several servers on one history.
mod cluster;
mod cluster_ask;
mod cluster_cut;
mod cluster_drain;
mod cluster_failover;
mod cluster_machine;
mod cluster_rounds;
mod cluster_upgrade;

// What clients may do, and what nobody else feels of those that do more.
mod admission;
mod inbound;
mod join_token;
mod limits;
mod slow;
mod stuck;
mod unhurried;
