//! What a file is, by how it begins.

use image::ImageFormat;

/// How far the mark of a document may stand from the beginning: some have other bytes before it.
const DOCUMENT_MARK: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Picture(ImageFormat),
    Document,
    Text,
    Other,
}

pub(super) fn kind(start: &[u8]) -> Kind {
    if let Some(format) = picture(start) {
        return Kind::Picture(format);
    }
    let near = &start[..start.len().min(DOCUMENT_MARK)];
    if near.windows(5).any(|five| five == b"%PDF-") {
        return Kind::Document;
    }
    if super::text::is_text(start) { Kind::Text } else { Kind::Other }
}

fn picture(start: &[u8]) -> Option<ImageFormat> {
    Some(match start {
        [0xff, 0xd8, 0xff, ..] => ImageFormat::Jpeg,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ImageFormat::Png,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => ImageFormat::Gif,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::WebP,
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => ImageFormat::Tiff,
        // Two letters alone may begin a text: the length of the header that follows tells.
        [b'B', b'M', rest @ ..]
            if matches!(rest.get(12..16), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])) =>
        {
            ImageFormat::Bmp
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n\0\0"), Kind::Picture(ImageFormat::Png));
        assert_eq!(kind(b"%PDF-1.7\n\xff\xfe\0"), Kind::Document);
        assert_eq!(kind(b"\0\0\0\x20ftypheic\0\0"), Kind::Other);
        assert_eq!(kind(b"PK\x03\x04\0\0"), Kind::Other);
        assert_eq!(kind(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"), Kind::Text);
        assert_eq!(kind(b"BMW is a maker of cars, and of motorcycles."), Kind::Text);
        assert_eq!(kind(b""), Kind::Text);
    }
}
