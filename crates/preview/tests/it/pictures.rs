//! Pictures in every format, upright, small.

use crate::files::{encoded, held, moving_gif, progressive_jpeg, two_colours};
use crate::world::{preview, preview_of};
use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgba, RgbaImage};
use preview::{Media, Preview, Size};

fn decoded(preview: &Preview) -> DynamicImage {
    image::load_from_memory(&preview.bytes).unwrap()
}

/// Whether a place of a picture is rather red than blue.
fn red(picture: &DynamicImage, x: u32, y: u32) -> bool {
    let Rgba([red, _, blue, _]) = picture.get_pixel(x, y);
    assert!(red.abs_diff(blue) > 100, "neither red nor blue: {red} {blue}");
    red > blue
}

#[test]
fn every_format_becomes_a_small_picture_with_the_same_in_it() {
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ];
    for format in formats {
        let made = preview_of(&encoded(&two_colours(800, 600), format), Size::Small, 0).unwrap();
        assert_eq!((made.media, made.pages), (Media::Jpeg, 1), "{format:?}");
        let picture = decoded(&made);
        assert_eq!(picture.dimensions(), (320, 240), "{format:?}");
        assert!(red(&picture, 160, 20) && !red(&picture, 160, 220), "{format:?}");
    }
}

#[test]
fn a_picture_is_shown_the_way_its_camera_was_held() {
    let jpeg = encoded(&two_colours(64, 32), ImageFormat::Jpeg);
    let upright = decoded(&preview(&held(&jpeg, 1)).unwrap());
    assert_eq!(upright.dimensions(), (64, 32));
    let upside_down = decoded(&preview(&held(&jpeg, 3)).unwrap());
    assert!(!red(&upside_down, 32, 4) && red(&upside_down, 32, 28));
    // Held to the right: what was above is on the right.
    let turned = decoded(&preview(&held(&jpeg, 6)).unwrap());
    assert_eq!(turned.dimensions(), (32, 64));
    assert!(red(&turned, 28, 32) && !red(&turned, 4, 32));
}

#[test]
fn of_pictures_that_move_the_first_is_shown() {
    let gif = moving_gif(&[two_colours(60, 40), two_colours(60, 40).rotate180()]);
    let picture = decoded(&preview(&gif).unwrap());
    assert_eq!(picture.dimensions(), (60, 40));
    assert!(red(&picture, 30, 5) && !red(&picture, 30, 35));
}

#[test]
fn pictures_of_sixteen_bits_a_colour_and_pictures_that_come_as_sketches_are_shown() {
    let deep: DynamicImage = two_colours(64, 32).to_rgb16().into();
    let picture = decoded(&preview(&encoded(&deep, ImageFormat::Png)).unwrap());
    assert!(red(&picture, 32, 4) && !red(&picture, 32, 28));
    let sketch = decoded(&preview(&progressive_jpeg()).unwrap()).into_luma8();
    assert_eq!(sketch.dimensions(), (8, 16));
    assert!(sketch.get_pixel(4, 3).0[0] > 240 && sketch.get_pixel(4, 12).0[0] < 15);
}

#[test]
fn what_is_see_through_stays_so() {
    let glass = RgbaImage::from_pixel(600, 20, Rgba([10, 200, 10, 100]));
    let made = preview_of(&encoded(&glass.into(), ImageFormat::Png), Size::Small, 0).unwrap();
    assert_eq!(made.media, Media::Png);
    let picture = decoded(&made);
    assert_eq!((picture.dimensions(), picture.get_pixel(5, 5).0[3]), ((320, 10), 100));
}

#[test]
fn a_photograph_of_twelve_megapixels_fits_the_screen() {
    let jpeg = encoded(&two_colours(4_000, 3_000), ImageFormat::Jpeg);
    let picture = decoded(&preview(&jpeg).unwrap());
    assert_eq!(picture.dimensions(), (1_600, 1_200));
    assert!(red(&picture, 800, 100) && !red(&picture, 800, 1_100));
}
