//! A page of a document (PDF). Scripts, forms' actions and references to elsewhere are nothing the renderer knows.

use super::picture;
use crate::wire::{Media, Preview, Refusal, Request};
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::peniko::ImageAlphaType;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use image::{DynamicImage, RgbaImage};

/// Pages are drawn no larger than this many times what they say they are: a stamp stays a stamp.
const ENLARGED_MAX: f32 = 4.0;

pub(super) fn preview(bytes: Vec<u8>, request: Request) -> Result<Preview, Refusal> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Refusal::Protected,
        LoadPdfError::Decryption(_) => Refusal::Unsupported,
        LoadPdfError::Invalid => Refusal::Damaged,
    })?;
    let pages = pdf.pages();
    let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Err(Refusal::Damaged);
    }
    let page = pages.get(request.page as usize).ok_or(Refusal::NoSuchPage)?;
    let (width, height) = page.render_dimensions();
    let longest = width.max(height);
    if !longest.is_finite() || width < 1.0 || height < 1.0 {
        return Err(Refusal::Damaged);
    }
    let scale = (request.size.side() as f32 / longest).min(ENLARGED_MAX);
    if width * scale < 1.0 || height * scale < 1.0 {
        return Err(Refusal::Damaged);
    }
    let pixmap = hayro::render(
        page,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE },
    );
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    let drawn = RgbaImage::from_raw(width, height, pixmap.take_rgba8(ImageAlphaType::Alpha))
        .ok_or(Refusal::Damaged)?;
    // Letters and lines: sharp, and smaller, without losses.
    let bytes = picture::png(&DynamicImage::ImageRgba8(drawn).into_rgb8().into())?;
    Ok(Preview { media: Media::Png, pages: count, cut: false, bytes })
}
