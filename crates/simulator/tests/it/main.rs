//! Short runs of the simulation.
