//! The beginning of a text, whatever it is encoded in, as UTF-8 without control characters.

use crate::wire::{Media, Preview, Refusal};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Of this many characters, one may be a control character in what is taken for a text.
const CONTROLS_ONE_IN: usize = 50;
/// How much is looked at to tell.
const LOOKED_AT: usize = 8 << 10;

/// Whether bytes are the beginning of a text.
pub(super) fn is_text(start: &[u8]) -> bool {
    let start = &start[..start.len().min(LOOKED_AT)];
    let (encoding, mark) = encoding(start);
    let is_wide = encoding == UTF_16LE || encoding == UTF_16BE;
    if !is_wide && start.contains(&0) {
        return false;
    }
    let (text, _) = encoding.decode_without_bom_handling(&start[mark..]);
    // What was cut in two at the end is not counted.
    let text = text.trim_end_matches('\u{fffd}');
    let strange = text.chars().filter(|c| strange(*c) || *c == '\u{fffd}').count();
    strange * CONTROLS_ONE_IN <= text.chars().count()
}

/// The encoding, and how long the mark is that says so.
fn encoding(bytes: &[u8]) -> (&'static Encoding, usize) {
    if let Some(marked) = Encoding::for_bom(bytes) {
        return marked;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => return (UTF_8, 0),
        // Cut within a character.
        Err(error) if error.error_len().is_none() && !bytes.contains(&0) => return (UTF_8, 0),
        _ => {}
    }
    // Most texts have many characters of the first 256, spaces and line ends at the least: every other byte of them is 0.
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), bytes.len() / 2);
    if odd > pairs / 4 && even == 0 {
        (UTF_16LE, 0)
    } else if even > pairs / 4 && odd == 0 {
        (UTF_16BE, 0)
    } else {
        (of_old(bytes), 0)
    }
}

/// An encoding of one or two bytes a character, of those that browsers know: the one whose letters and words it looks like.
fn of_old(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(LOOKED_AT)], true);
    detector.guess(None, Utf8Detection::Deny)
}

/// What no text has but for an oversight.
fn strange(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}')
}

/// Never refuses: what is no text was told apart before.
pub(super) fn preview(bytes: &[u8], cut: bool) -> Result<Preview, Refusal> {
    let (encoding, mark) = encoding(bytes);
    let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
    // A character that the end of what was read cuts in two is no damage.
    let text = if cut { text.trim_end_matches('\u{fffd}') } else { &text };
    let text = text.replace("\r\n", "\n");
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        '\r' | '\u{c}' => '\n',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let bytes = text.chars().map(shown).collect::<String>().into_bytes();
    Ok(Preview { media: Media::Text, pages: 1, cut, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], cut: bool) -> String {
        assert!(is_text(bytes), "{bytes:?}");
        String::from_utf8(preview(bytes, cut).unwrap().bytes).unwrap()
    }

    #[test]
    fn texts_are_read_in_the_encodings_they_come_in() {
        assert_eq!(shown("Grüße".as_bytes(), false), "Grüße");
        assert_eq!(shown(b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", false), "Grüße");
        assert_eq!(shown(b"Gr\xfc\xdfe \x96 5 \x80", false), "Grüße – 5 €");
        let (russian, _, _) = encoding_rs::KOI8_R.encode("Все люди рождаются свободными и равными.");
        assert_eq!(shown(&russian, false), "Все люди рождаются свободными и равными.");
        let (japanese, _, _) =
            encoding_rs::SHIFT_JIS.encode("すべての人間は、生まれながらにして自由である。");
        assert_eq!(shown(&japanese, false), "すべての人間は、生まれながらにして自由である。");
        let wide =
            |order: fn(u16) -> [u8; 2]| "Grüße, 世界\r\n".encode_utf16().flat_map(order).collect::<Vec<_>>();
        assert_eq!(shown(&wide(u16::to_le_bytes), false), "Grüße, 世界\n");
        assert_eq!(shown(&wide(u16::to_be_bytes), false), "Grüße, 世界\n");
        assert_eq!(shown(&[b"\xff\xfe", &*wide(u16::to_le_bytes)].concat(), false), "Grüße, 世界\n");
    }

    #[test]
    fn control_characters_are_not_passed_on() {
        let escape = b"a line of a log with colours: \x1b[31mred\x1b[0m\rand\r\nmore\n";
        assert_eq!(
            shown(escape, false),
            "a line of a log with colours: \u{fffd}[31mred\u{fffd}[0m\nand\nmore\n"
        );
    }

    #[test]
    fn a_character_cut_in_two_is_left_out() {
        assert_eq!(shown("Grüße".as_bytes().split_last().unwrap().1, true), "Grüß");
        assert_eq!(shown(&"Grü".as_bytes()[..3], true), "Gr");
    }

    #[test]
    fn what_is_no_text_is_told_apart() {
        assert!(!is_text(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0"));
        assert!(!is_text(&(0..=255).collect::<Vec<u8>>()));
        assert!(!is_text(b"\x01\x02\x03\x04\x05"));
    }
}
