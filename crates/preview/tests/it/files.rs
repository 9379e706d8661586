//! Files to look at, written here: nothing of the tests is a file that cannot be read.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

/// Red above, blue below.
pub(crate) fn two_colours(width: u32, height: u32) -> DynamicImage {
    let colour = |_, y| if y < height / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) };
    RgbImage::from_fn(width, height, colour).into()
}

pub(crate) fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// A JPEG that says how its camera was held.
pub(crate) fn held(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// A PNG whose head promises this size, with hardly anything behind.
pub(crate) fn promised_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = b"IHDR".to_vec();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([8, 6, 0, 0, 0]);
    bytes.extend(13_u32.to_be_bytes());
    let sum = crc32fast::hash(&head);
    bytes.extend(head);
    bytes.extend(sum.to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

/// A GIF whose head promises this size.
pub(crate) fn promised_gif(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255, b',', 0, 0, 0, 0]);
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([0, 2, 2, 0x4c, 1, 0, b';']);
    bytes
}

/// A JPEG that comes as a sketch first, to be refined: white above, black below, 8 × 16. The sketch is all of it.
pub(crate) fn progressive_jpeg() -> Vec<u8> {
    let quantizers = [&[0xff, 0xdb, 0, 67, 0], &[8; 64][..]].concat();
    let frame = [0xff, 0xc2, 0, 11, 8, 0, 16, 0, 8, 1, 1, 0x11, 0];
    // Two codes: `0` says that seven bits follow, `10` that it is eight.
    let codes = [&[0xff, 0xc4, 0, 21, 0, 1, 1], &[0; 14][..], &[7, 8]].concat();
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0];
    // 127 above the middle; 254 less.
    let sketch = [0b0111_1111, 0b1000_0000, 0b0111_1111];
    [&[0xff, 0xd8], &*quantizers, &frame, &codes, &scan, &sketch, &[0xff, 0xd9]].concat()
}

/// A GIF that goes on with another picture.
pub(crate) fn moving_gif(pictures: &[DynamicImage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    let frames = pictures.iter().map(|picture| image::Frame::new(picture.to_rgba8()));
    encoder.encode_frames(frames).unwrap();
    drop(encoder);
    bytes
}

/// So many times 16 MiB of zeros, deflated: each time a thousandth.
pub(crate) fn zeros(pieces: usize) -> Vec<u8> {
    const PIECE: usize = 16 << 20;
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let mut piece = Vec::with_capacity(PIECE / 64);
    deflate.compress_vec(&vec![0; PIECE], &mut piece, flate2::FlushCompress::Full).unwrap();
    assert_eq!(deflate.total_in(), PIECE as u64);
    // A piece refers to nothing before it, so it may stand there as often as one likes. Then an empty last one, and the sum.
    let sum = u32::try_from(pieces * PIECE % 65_521).unwrap() << 16 | 1;
    [b"\x78\x01", &*piece.repeat(pieces), b"\x01\0\0\xff\xff", &sum.to_be_bytes()].concat()
}

/// A PNG with this description of colours.
pub(crate) fn png_with_profile(deflated: &[u8]) -> Vec<u8> {
    let png = encoded(&two_colours(8, 8), ImageFormat::Png);
    let chunk = [b"iCCPcolours\0\0".as_slice(), deflated].concat();
    let size = u32::try_from(chunk.len() - 4).unwrap().to_be_bytes();
    let sum = crc32fast::hash(&chunk).to_be_bytes();
    // Behind the head.
    [&png[..33], &size, &chunk, &sum, &png[33..]].concat()
}

/// A document that can only be read with a password.
pub(crate) fn protected_pdf() -> Vec<u8> {
    let key = "x".repeat(32);
    let how =
        format!("trailer<</Encrypt<</Filter/Standard/V 1/R 2/O({key})/U({key})/P -4>>/ID[({key})({key})]");
    let plain = String::from_utf8(pdf(&["Secret"])).unwrap();
    plain.replace("trailer<<", &how).into_bytes()
}

/// A document of pages, each with a word in large letters.
pub(crate) fn pdf(words: &[&str]) -> Vec<u8> {
    let page = |number: usize| 4 + 2 * number;
    let kids: Vec<_> = (0..words.len()).map(|number| format!("{} 0 R", page(number))).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), words.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    for (number, word) in words.iter().enumerate() {
        let drawn = format!("BT /F 72 Tf 40 100 Td ({word}) Tj ET");
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Resources<</Font<</F 3 0 R>>>>/Contents {} 0 R>>",
            page(number) + 1
        ));
        objects.push(format!("<</Length {}>>stream\n{drawn}\nendstream", drawn.len()));
    }
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut starts = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        starts.push(bytes.len());
        bytes.extend(format!("{} 0 obj{object}endobj\n", number + 1).bytes());
    }
    let table = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", starts.len() + 1).bytes());
    bytes.extend(starts.iter().flat_map(|start| format!("{start:010} 00000 n \n").into_bytes()));
    let end = format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", starts.len() + 1);
    bytes.extend(end.bytes());
    bytes
}
