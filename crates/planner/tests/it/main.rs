//! The planner as its users see it: golden scenarios, properties, planted faults, cost.

mod faults;
mod golden;
