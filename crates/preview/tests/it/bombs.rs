//! Files made to hurt, and files that got hurt: every one has an answer in time, and the next one is decoded as if nothing
//! had been.

use crate::files::{encoded, held, pdf, png_with_profile, promised_gif, promised_png, two_colours, zeros};
use crate::world::{decoders, make, preview, runtime};
use image::ImageFormat;
use preview::{Bounds, Failed, Refusal, Size};
use proptest::prelude::*;
use std::sync::LazyLock;
use std::time::Duration;

fn refusal(file: &[u8]) -> Refusal {
    match preview(file) {
        Err(Failed::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn pictures_that_promise_too_much_are_refused_before_memory_is_taken() {
    assert_eq!(refusal(&promised_png(2_000_000_000, 2_000_000_000)), Refusal::TooLarge);
    assert_eq!(refusal(&promised_png(30_000, 30_000)), Refusal::TooLarge);
    assert_eq!(refusal(&promised_png(60_000, 60_000)), Refusal::TooLarge);
    assert_eq!(refusal(&promised_gif(65_535, 65_535)), Refusal::TooLarge);
}

#[test]
fn a_picture_that_is_small_until_it_is_decoded_is_refused() {
    // All of it is there, black: deflate makes a thousandth of it.
    let black = image::GrayImage::new(20_000, 20_000);
    let bomb = encoded(&black.into(), ImageFormat::Png);
    assert!(bomb.len() < 2 << 20, "{}", bomb.len());
    assert_eq!(refusal(&bomb), Refusal::TooLarge);
}

/// 2 GiB in 2 MB.
fn bomb() -> Vec<u8> {
    let bomb = zeros(128);
    assert!(bomb.len() < 16 << 20, "{}", bomb.len());
    bomb
}

#[test]
fn a_document_whose_stream_unfolds_beyond_all_memory_ends_its_child_only() {
    let stream = bomb();
    let head = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
        3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>endobj\n4 0 obj<</Filter/FlateDecode/Length ";
    let end = b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF";
    let length = format!("{}>>stream\n", stream.len());
    let document = [head.as_bytes(), length.as_bytes(), &stream, end].concat();
    assert_eq!(refusal(&document), Refusal::TooLarge);
}

#[test]
fn a_description_of_colours_that_unfolds_beyond_all_memory_ends_its_child_only() {
    let harmless = preview(&png_with_profile(&zeros(1)));
    assert!(harmless.is_ok(), "{harmless:?}");
    assert_eq!(refusal(&png_with_profile(&bomb())), Refusal::TooLarge);
}

#[test]
fn documents_that_refer_to_themselves_have_an_answer() {
    let document = |drawn: &str, more: &str| {
        format!(
            "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R{more}]/Count 1>>endobj\n\
             3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Resources 5 0 R/Contents 4 0 R>>endobj\n\
             4 0 obj<</Length {0}>>stream\n{drawn}\nendstream endobj\n5 0 obj<</XObject<</X 6 0 R>>>>endobj\n\
             6 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources 5 0 R/Length {0}>>stream\n{drawn}\nendstream endobj\n\
             trailer<</Root 1 0 R>>\n%%EOF",
            drawn.len()
        )
    };
    for (what, file) in
        [("a drawing in itself", document("/X Do", "")), ("pages within themselves", document("", " 2 0 R"))]
    {
        let made = preview(file.as_bytes());
        assert!(matches!(made, Ok(_) | Err(Failed::Refused(_))), "{what}: {made:?}");
    }
    // Twice each time: it would be drawn until the sun burns out.
    let endless = document("/X Do /X Do", "");
    let hurried = decoders(Bounds { patience: Duration::from_secs(3), ..Bounds::default() });
    let made = runtime().block_on(make(&hurried, endless.as_bytes(), Size::Large, 0));
    assert!(matches!(made, Err(Failed::Refused(Refusal::TooSlow))), "{made:?}");
}

/// Small files of every kind.
static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let picture = two_colours(40, 30);
    let mut files: Vec<_> = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ]
    .map(|format| encoded(&picture, format))
    .into();
    files.push(held(&files[0], 6));
    files.push(pdf(&["A", "B"]));
    files.push("Grüße".encode_utf16().flat_map(u16::to_le_bytes).collect());
    files
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_have_an_answer_in_time_and_harm_nothing_else(
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        is_cut in any::<bool>(),
    ) {
        let mut file = which.get(&WHOLE).clone();
        if is_cut {
            file.truncate(cut.index(file.len()));
        }
        for (place, value) in flips {
            if !file.is_empty() {
                let place = place.index(file.len());
                file[place] = value;
            }
        }
        runtime().block_on(async {
            let decoders = decoders(Bounds::default());
            match make(&decoders, &file, Size::Small, 0).await {
                Ok(_) | Err(Failed::Refused(_)) => Ok(()),
                Err(other) => Err(TestCaseError::fail(format!("{other:?}"))),
            }?;
            let next = make(&decoders, b"the next one", Size::Small, 0).await;
            prop_assert!(next.is_ok(), "{next:?}");
            Ok(())
        })?;
    }
}
