//! Three trees in, operations and conflicts out. Pure: the same trees always give the same plan.
//!
//! A pair remembers what it last saw on the remote side (R), what it last saw on the local side (L), and what
//! both sides last agreed on (S). [`plan`] compares them and says what to do next. It looks only at nodes where
//! the three differ (*dirty* nodes) and at their neighbourhood, so its cost follows what changed.
//!
//! Invariants:
//! - no input order, clock, randomness or hash order has an influence on the plan;
//! - nobody's bytes are dropped: edit beats delete, move beats delete, two different edits keep both;
//! - a frozen node is never touched and never taken for deleted;
//! - in a one-way pair nothing is sent ([`Direction::Down`]) or installed ([`Direction::Up`]).
//!
//! Start with [`view`] (what the planner sees) and [`step`] (what it answers), then [`plan`], whose phases are a
//! module each: bookkeeping, direction, contents, deletions, merged, cycles, adoption and collisions, difference.

mod adoption;
mod bookkeeping;
mod collisions;
mod contents;
mod cycles;
mod deletions;
mod difference;
mod direction;
mod merged;
mod names;
mod planning;
mod portion;
pub mod rule;
mod scene;
mod schedule;
pub mod step;
pub mod trees;
pub mod view;

pub use direction::Direction;
pub use names::is_a_shelf_name;
pub use planning::{bookkeeping_steps, plan, plan_portion, plan_traced};
pub use rule::{Rule, Trace};
pub use step::{LocalOperation, LocalStep, MemoryStep, Plan, RemoteGroup, RemoteOperation};
pub use trees::{Row, Trees};
pub use view::{Tree, Triple, View};
