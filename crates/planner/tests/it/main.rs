//! The planner as its users see it: golden scenarios, properties, planted faults.

mod converge;
mod faults;
mod golden;
mod perturb;
mod properties;
mod seeded;
