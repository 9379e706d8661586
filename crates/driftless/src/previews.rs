//! Previews: what decodes them is this program itself, in a process of its own.

use crate::settings::PreviewMode;
use preview::{Bounds, Decoders, Strictness};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The running program, also when its file was replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// What makes previews, if anything does.
pub(crate) fn decoders(mode: PreviewMode) -> Option<Arc<Decoders>> {
    let (strictness, more) = match mode {
        PreviewMode::Sandboxed => (Strictness::Whole, None),
        PreviewMode::WithoutLandlock => (Strictness::WithoutLandlock, Some("--without-landlock")),
        PreviewMode::Off => return None,
    };
    let arguments = ["decode"].into_iter().chain(more).map(Into::into).collect();
    Some(Arc::new(Decoders::new(PathBuf::from(THIS_PROGRAM), arguments, strictness, Bounds::default())))
}

/// The decoding process: one file in, one preview out.
pub(crate) fn child(without_landlock: bool) -> ExitCode {
    let strictness = if without_landlock { Strictness::WithoutLandlock } else { Strictness::Whole };
    if preview::child::run(strictness).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
