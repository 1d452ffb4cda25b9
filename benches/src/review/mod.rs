//! A history as large as a school's years, and what the review costs on it.
//!
//! `shape` says which classes meet when and who is in them, `play` what happens in one of them, and [`store`] writes it:
//! all of it follows from a seed, the same on every machine. [`measure`] asks the server for the pages and lists of such
//! a history: `samples` picks what about, `questions` says how, and `server` is asked.

pub mod database;
pub mod measure;
mod names;
mod play;
mod questions;
mod rows;
mod samples;
mod server;
pub mod shape;
pub mod store;

#[cfg(test)]
mod tests;
