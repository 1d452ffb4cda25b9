mod contract;
mod model;
mod stage;
