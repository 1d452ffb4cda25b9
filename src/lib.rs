pub mod history;
pub mod room;
pub mod web;
