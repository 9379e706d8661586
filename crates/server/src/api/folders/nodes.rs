//! `…/nodes/{n}/content`, `…/nodes/{n}/versions`, `…/nodes/{n}/versions/{v}`, `…/nodes/{n}/restore`.

mod content;
mod range;
mod restore;
mod versions;

pub(crate) use content::content;
pub(crate) use restore::restore;
pub(crate) use versions::{pin, versions};
