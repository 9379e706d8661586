//! The words of Driftless: ids, names, hashes, nodes and operations.
//!
//! Everything else is built from these types. They are domain types: no serialisation is derived here
//! (wire forms live in `protocol`, rows in `metadata-*` and `pair-store`), and nothing here reads a clock,
//! a disk, the network or randomness.
//!
//! Start with [`node`] (what a node is), then [`operation`] (how it changes on the server), then
//! [`disk`] (what a disk shows of it).

pub mod bounds;
pub mod conflict;
pub mod disk;
pub mod flush;
pub mod hash;
pub mod id;
pub mod ignore;
pub mod link;
pub mod location;
pub mod name;
pub mod node;
pub mod operation;
pub mod path;
pub mod pattern;
pub mod permit;
pub mod privilege;
pub mod time;
pub mod view;

pub use bounds::{Limits, RateChoice, RateChoices, Rates};
pub use disk::{Entry, EntryKind, Fingerprint, Handle};
pub use flush::{FLUSH_BOUNDS_US, FlushTally, FlushTimes};
pub use hash::{ChunkId, ContentId};
pub use id::{
    DeviceId, Epoch, FolderId, GroupId, IdempotencyKey, LinkId, NodeId, NodeKey, Seq, UploadId, UserId,
    VersionNumber, ViewId,
};
pub use link::{
    LinkAccess, LinkDenied, LinkFacts, LinkKind, LinkPermit, LinkPrincipal, Place, authorize_link,
};
pub use location::{Codec, Located, Location, PackId};
pub use name::{NAME_BYTES_MAX, Name, NameError, NameKey, NameRule};
pub use node::{Content, Kind, NodeState};
pub use operation::{Applied, Group, GroupOutcome, NodeRef, Operation, Refusal, RemoteNode, Revision};
pub use path::{PathError, RelativePath};
pub use pattern::{PatternError, Patterns};
pub use permit::{Access, Action, Denied, Facts, Permit, Principal, authorize};
pub use privilege::Privilege;
pub use time::Timestamp;
pub use view::{CompiledView, Spot, View, ViewError};
