pub mod history;
pub mod room;

