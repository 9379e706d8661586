//! `…/nodes/{n}/content`, `…/nodes/{n}/preview`, `…/nodes/{n}/versions`, `…/nodes/{n}/versions/{v}`, `…/nodes/{n}/restore`,
//! `…/nodes/{n}/children`, `…/nodes/{n}/differences`.

pub(crate) mod children;
pub(crate) mod content;
pub(crate) mod differences;
pub(crate) mod preview;
pub(crate) mod range;
pub(crate) mod restore;
pub(crate) mod versions;
