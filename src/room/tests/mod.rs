mod connectors;
mod contract;
mod model;
mod stage;
