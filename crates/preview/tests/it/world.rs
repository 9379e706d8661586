//! Decoders with the tests' child.

use preview::{Bounds, Decoders, Failed, Preview, Request, Size, Strictness};
use std::path::PathBuf;
use tokio::sync::mpsc;

pub(crate) const CHILD: &str = env!("CARGO_BIN_EXE_preview-test-child");

pub(crate) fn decoders(bounds: Bounds) -> Decoders {
    decoders_as(&["decode"], Strictness::Whole, bounds)
}

pub(crate) fn decoders_as(arguments: &[&str], strictness: Strictness, bounds: Bounds) -> Decoders {
    let arguments = arguments.iter().map(Into::into).collect();
    Decoders::new(PathBuf::from(CHILD), arguments, strictness, bounds)
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A preview as the server makes it.
pub(crate) async fn make(decoders: &Decoders, file: &[u8], size: Size, page: u32) -> Result<Preview, Failed> {
    let (give, given) = mpsc::channel(1);
    let request = Request { size, page, length: file.len() as u64 };
    let turn = decoders.turn().await?;
    let feed = async {
        for piece in file.chunks(64 << 10) {
            if give.send(piece.to_vec()).await.is_err() {
                break;
            }
        }
        drop(give);
    };
    tokio::join!(turn.make(request, given), feed).0
}

/// The large preview of a file.
pub(crate) fn preview(file: &[u8]) -> Result<Preview, Failed> {
    preview_of(file, Size::Large, 0)
}

pub(crate) fn preview_of(file: &[u8], size: Size, page: u32) -> Result<Preview, Failed> {
    runtime().block_on(make(&decoders(Bounds::default()), file, size, page))
}
