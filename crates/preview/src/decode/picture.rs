//! Pictures, made smaller, upright and in the colours that every screen knows.

use crate::wire::{Media, Preview, Refusal, Size};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, RgbaImage,
};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use std::io::Cursor;

/// The most memory that a picture's pixels may take, 120 megapixels of a photograph; what a decoder takes beyond is the
/// sandbox's to bound.
const DECODED_MAX: u64 = 352 << 20;
/// The longest side that is decoded at all.
const SIDE_MAX: u32 = 50_000;
/// How much of the truth a JPEG keeps, of 100.
const QUALITY: u8 = 82;
/// The longest description of colours that is looked at.
const PROFILE_MAX: usize = 1 << 20;

/// What a decoder gave: pixels, which way is up, and what the colours mean.
struct Decoded {
    pixels: DynamicImage,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

pub(super) fn preview(bytes: &[u8], format: ImageFormat, size: Size) -> Result<Preview, Refusal> {
    let decoded = decoded(bytes, format)?;
    let mut small = resized(decoded.pixels, size)?;
    if let Some(profile) = decoded.profile.filter(|profile| profile.len() <= PROFILE_MAX) {
        in_common_colours(&mut small, &profile);
    }
    small.apply_orientation(decoded.orientation);
    let (media, bytes) = match small {
        DynamicImage::ImageRgba8(_) => (Media::Png, png(&small)?),
        _ => (Media::Jpeg, to_jpeg(&small)?),
    };
    Ok(Preview { media, pages: 1, cut: false, bytes })
}

fn decoded(bytes: &[u8], format: ImageFormat) -> Result<Decoded, Refusal> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODED_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| of_image(&error))?;
    // Not every decoder asks before it takes.
    if decoder.total_bytes() > DECODED_MAX {
        return Err(Refusal::TooLarge);
    }
    let profile = decoder.icc_profile().ok().flatten();
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let pixels = DynamicImage::from_decoder(decoder).map_err(|error| of_image(&error))?;
    Ok(Decoded { pixels, orientation, profile })
}

fn of_image(error: &ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::TooLarge,
        ImageError::Unsupported(_) => Refusal::Unsupported,
        _ => Refusal::Damaged,
    }
}

/// The size of a picture within a square; never larger than it is, and never nothing.
fn fitted(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    if longest <= side {
        return (width.max(1), height.max(1));
    }
    let part = |length: u32| u64::from(length) * u64::from(side) / u64::from(longest);
    let part = |length: u32| u32::try_from(part(length)).unwrap_or(side).max(1);
    (part(width), part(height))
}

/// In 8 bits a channel, fitted into the size: gray, coloured, or coloured and see-through somewhere.
fn resized(pixels: DynamicImage, size: Size) -> Result<DynamicImage, Refusal> {
    let (width, height) = (pixels.width(), pixels.height());
    if width == 0 || height == 0 {
        return Err(Refusal::Damaged);
    }
    let color = pixels.color();
    let (kind, from) = match (color.has_alpha(), color.has_color()) {
        (true, _) => (PixelType::U8x4, pixels.into_rgba8().into_raw()),
        (false, true) => (PixelType::U8x3, pixels.into_rgb8().into_raw()),
        (false, false) => (PixelType::U8, pixels.into_luma8().into_raw()),
    };
    let (small_width, small_height) = fitted(width, height, size.side());
    let raw = if (small_width, small_height) == (width, height) {
        from
    } else {
        let from = ImageRef::new(width, height, &from, kind).map_err(|_| Refusal::Damaged)?;
        let mut to = Image::new(small_width, small_height, kind);
        Resizer::new().resize(&from, &mut to, None).map_err(|_| Refusal::Damaged)?;
        to.into_vec()
    };
    let small = match kind {
        PixelType::U8 => GrayImage::from_raw(small_width, small_height, raw).map(DynamicImage::from),
        PixelType::U8x3 => RgbImage::from_raw(small_width, small_height, raw).map(DynamicImage::from),
        _ => RgbaImage::from_raw(small_width, small_height, raw).map(|picture| {
            let opaque = picture.pixels().all(|pixel| pixel.0[3] == u8::MAX);
            let picture = DynamicImage::from(picture);
            if opaque { picture.into_rgb8().into() } else { picture }
        }),
    };
    small.ok_or(Refusal::Damaged)
}

/// Turns the colours of a camera or a phone into those that are meant where nothing is said. A profile that makes no sense
/// changes nothing.
fn in_common_colours(picture: &mut DynamicImage, profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let convert = |raw: &mut [u8], layout: Layout| {
        let transform = profile.create_transform_8bit(
            layout,
            &ColorProfile::new_srgb(),
            layout,
            TransformOptions::default(),
        );
        let from = raw.to_vec();
        if transform.is_ok_and(|transform| transform.transform(&from, raw).is_err()) {
            raw.copy_from_slice(&from);
        }
    };
    match picture {
        DynamicImage::ImageRgb8(pixels) => convert(pixels, Layout::Rgb),
        DynamicImage::ImageRgba8(pixels) => convert(pixels, Layout::Rgba),
        _ => {}
    }
}

fn to_jpeg(picture: &DynamicImage) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    picture.write_with_encoder(encoder).map_err(|_| Refusal::Damaged)?;
    Ok(bytes)
}

pub(super) fn png(picture: &DynamicImage) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).map_err(|_| Refusal::Damaged)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_and_is_never_enlarged() {
        assert_eq!(fitted(4_000, 3_000, 320), (320, 240));
        assert_eq!(fitted(3, 60_000, 320), (1, 320));
        assert_eq!(fitted(20, 10, 320), (20, 10));
        assert_eq!(fitted(0, 0, 320), (1, 1));
    }
}
