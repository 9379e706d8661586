//! What end-to-end tests and benchmarks need to drive the real program: processes, trees, edits and a network in
//! between.
//!
//! Invariants: every process that is started ends with the value that started it; everything random follows from
//! a seed; nothing here knows how the program works inside.
//!
//! Start with [`World`], a server and its devices in a directory of their own. The stories are in `tests/it/`.

pub mod compiler;
pub mod device;
pub mod edits;
pub mod generate;
pub mod plain;
pub mod process;
pub mod proxy;
pub mod random;
pub mod server;
pub mod tree;
pub mod world;

pub use compiler::Compiler;
pub use device::Device;
pub use edits::Editor;
pub use generate::TreeShape;
pub use plain::Plain;
pub use proxy::Proxy;
pub use random::Random;
pub use server::Server;
pub use tree::Tree;
pub use world::World;
