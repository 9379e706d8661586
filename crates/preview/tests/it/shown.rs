//! Texts and documents; what there is no preview of.

use crate::files::{pdf, protected_pdf};
use crate::world::{decoders, make, preview, preview_of, runtime};
use preview::{Bounds, Failed, Media, Refusal, Size};

fn refused(file: &[u8]) -> Refusal {
    match preview(file) {
        Err(Failed::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_text_is_shown_as_it_is_markup_and_all() {
    for text in ["<script>alert(1)</script>\n", "<svg onload='alert(1)'/>", "#!/bin/sh\nrm -rf /\n", ""] {
        let made = preview(text.as_bytes()).unwrap();
        assert_eq!((made.media, &*made.bytes, made.cut), (Media::Text, text.as_bytes(), false));
    }
}

#[test]
fn of_a_long_text_only_the_beginning_is_read_however_long_it_is() {
    let line = "A line like any other, 64 bytes long with its end, and no more.\n";
    let long = line.repeat((80 << 20) / line.len());
    let made = preview(long.as_bytes()).unwrap();
    assert!(made.cut);
    assert_eq!(made.bytes, long.as_bytes()[..256 << 10]);
}

#[test]
fn pages_of_a_document_are_drawn_one_at_a_time() {
    let document = pdf(&["First", "", "Last"]);
    let page = |number| {
        let made = preview_of(&document, Size::Large, number).unwrap();
        assert_eq!((made.media, made.pages), (Media::Png, 3));
        image::load_from_memory(&made.bytes).unwrap().into_luma8()
    };
    let dark = |number| page(number).pixels().filter(|pixel| pixel.0[0] < 100).count();
    assert_eq!(page(0).dimensions(), (1_600, 800));
    let (first, empty, last) = (dark(0), dark(1), dark(2));
    assert_eq!(empty, 0);
    assert!(first > 1_000 && last > 1_000 && first != last, "{first} {last}");
    assert!(matches!(preview_of(&document, Size::Large, 3), Err(Failed::Refused(Refusal::NoSuchPage))));
}

#[test]
fn what_cannot_be_shown_says_why() {
    assert_eq!(refused(b"PK\x03\x04\x14\0\0\0\0\0"), Refusal::Unsupported);
    assert_eq!(refused(b"\0\0\0\x20ftypheic\0\0\0\0mif1"), Refusal::Unsupported);
    assert_eq!(refused(b"\0\0\0\x20ftypavif\0\0\0\0mif1"), Refusal::Unsupported);
    assert_eq!(refused(&protected_pdf()), Refusal::Protected);
    assert_eq!(refused(b"%PDF-1.4 and nothing of the kind"), Refusal::Damaged);
    assert_eq!(refused(b"\x89PNG\r\n\x1a\n and no picture"), Refusal::Damaged);
    assert_eq!(refused(b"\xff\xd8\xff\xe0 and no picture"), Refusal::Damaged);
}

#[test]
fn a_file_that_ends_before_its_length_is_not_called_damaged() {
    let starved = runtime().block_on(async {
        let decoders = decoders(Bounds::default());
        let (give, given) = tokio::sync::mpsc::channel(1);
        give.send(b"\x89PNG\r\n\x1a\n".to_vec()).await.unwrap();
        drop(give);
        let request = preview::Request { size: Size::Large, page: 0, length: 1_000 };
        decoders.turn().await.unwrap().make(request, given).await
    });
    assert!(matches!(starved, Err(Failed::Starved)), "{starved:?}");
}

#[test]
fn more_requests_than_may_wait_are_sent_away_and_the_rest_get_their_turn() {
    runtime().block_on(async {
        let decoders = decoders(Bounds { at_once: 1, waiting: 1, ..Bounds::default() });
        let first = decoders.turn().await.unwrap();
        let second = decoders.turn();
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(matches!(decoders.turn().await, Err(Failed::Busy)));
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(make(&decoders, b"text", Size::Large, 0).await.unwrap().bytes, b"text");
    });
}
