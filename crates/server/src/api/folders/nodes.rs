//! `…/nodes/{n}/content`, `…/nodes/{n}/versions`, `…/nodes/{n}/versions/{v}`, `…/nodes/{n}/restore`,
//! `…/nodes/{n}/children`, `…/nodes/{n}/differences`.

mod children;
mod content;
mod differences;
mod range;
mod restore;
mod versions;

pub(crate) use children::children;
pub(crate) use content::content;
pub(crate) use differences::differences;
pub(crate) use restore::restore;
pub(crate) use versions::{pin, versions};
