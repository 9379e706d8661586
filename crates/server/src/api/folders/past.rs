//! What the calls about the past of a folder have in common: as of when, along which path, and how a past node is shown.

use crate::failure::Failure;
use metadata::placement::PastNode;
use model::{Content, Kind, Name, RelativePath, Seq};
use protocol::RfcTime;
use protocol::v1::PastEntry;
use versioning::past::When;

/// The most entries of a page.
pub(crate) const PAGE_ENTRIES: usize = 1_000;

/// As of when, of the two ways to say it; none if neither is used.
pub(crate) fn when(at: Option<&str>, seq: Option<u64>) -> Result<Option<When>, Failure> {
    match (at, seq) {
        (Some(_), Some(_)) => Err(Failure::invalid("Give either a moment or a number of the journal.")),
        (Some(at), None) => {
            let at: RfcTime = at.parse().map_err(|error| Failure::invalid(format!("'at' is {error}.")))?;
            Ok(Some(When::At(at.0)))
        }
        (None, Some(seq)) => Ok(Some(When::Seq(Seq(seq)))),
        (None, None) => Ok(None),
    }
}

/// The names of a path such as `a/b`.
pub(crate) fn names(path: Option<&str>) -> Result<Vec<Name>, Failure> {
    let path = path.unwrap_or_default();
    let path = RelativePath::parse(path).map_err(|error| Failure::invalid(format!("'path': {error}.")))?;
    Ok(path.names().to_vec())
}

/// A kind as a word.
pub(crate) fn kind_word(content: &Content) -> String {
    match content.kind() {
        Kind::Directory => "directory",
        Kind::File => "file",
        Kind::Link => "link",
    }
    .to_owned()
}

pub(crate) fn entry(node: &PastNode) -> PastEntry {
    PastEntry {
        node: node.id,
        name: node.name.as_str().to_owned(),
        kind: kind_word(&node.content),
        size: node.content.size(),
        executable: node.executable,
        mtime: RfcTime(node.mtime),
        version: node.version.0,
        thinned: node.thinned,
    }
}
