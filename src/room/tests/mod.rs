mod calendar;
mod connectors;
mod contract;
mod mailbox;
mod model;
mod names;
mod people;
mod stage;
