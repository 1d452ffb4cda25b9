mod connectors;
mod contract;
mod model;
mod names;
mod stage;
