//! The planner as its users see it: golden scenarios, properties, planted faults.

mod bookkeeping;
mod converge;
mod cost;
mod exhaustive;
mod faults;
mod golden;
mod histories;
mod one_way;
mod perturb;
mod portions;
mod properties;
mod seeded;
