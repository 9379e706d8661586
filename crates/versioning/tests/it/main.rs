//! Versioning over the real database and chunk store.

#![allow(clippy::unwrap_used, reason = "tests say what failed by failing")]

mod changes;
mod collection;
mod collection_properties;
mod commit;
mod counting;
mod fetch;
mod folder;
mod history;
mod kept_past;
mod link;
mod model_based;
mod on_disk;
mod outside;
mod past;
mod refusals;
mod restore;
mod retention;
mod retention_properties;
mod rewind;
mod space;
mod upload;
mod verify;
mod view;
mod world;
