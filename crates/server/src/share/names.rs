//! Names of files that strangers send, made harmless.

use model::Name;

/// The longest that such a name becomes, in bytes: it may get a number yet.
const BYTES_MAX: usize = 200;
/// More of what was sent is not looked at.
const SIGNS_MAX: usize = 4_096;

/// What a file is called here. Only the last part of a path counts; what steers how text is shown, and what some system does
/// not take in names, goes; and nothing begins with a dot, which is how files are named that tell programs what to do.
pub(super) fn clean(sent: Option<&str>) -> Name {
    let last = sent.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|sign| !is_steering(*sign)).take(SIGNS_MAX).collect();
    let mut text: String = (kept.trim().chars())
        .map(|sign| if matches!(sign, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { sign })
        .collect();
    text.truncate(text.trim_end_matches(['.', ' ']).len());
    if text.starts_with('.') {
        text.replace_range(..1, "_");
    }
    if is_reserved(&text) {
        text.insert(0, '_');
    }
    let fits = shortened(&text);
    Name::new(if fits.is_empty() { "file" } else { &fits }).expect("it has no slash, no dots alone, and fits")
}

/// A name as it is shown: what turns the text around it about, or cannot be seen, is shown as a sign of its own, so that no name
/// seems to end in another way than it does. Joiners stay: signs of many scripts, and of pictures, are made with them.
pub(super) fn shown(name: &str) -> String {
    let hides = |sign| is_steering(sign) && !matches!(sign, '\u{200c}' | '\u{200d}');
    name.chars().map(|sign| if hides(sign) { '\u{fffd}' } else { sign }).collect()
}

fn is_steering(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Devices of Windows, with any extension.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |word: &str| {
        stem.strip_prefix(word)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

/// With its extension, if that is none too long.
fn shortened(name: &str) -> String {
    if name.len() <= BYTES_MAX {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|at| *at > 0 && name.len() - at <= 20);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let stem = &stem[..stem.floor_char_boundary(BYTES_MAX - extension.len())];
    format!("{}{extension}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_turns_text_about_shows_that_it_does() {
        assert_eq!(shown("a\u{202e}gpj.exe"), "a\u{fffd}gpj.exe");
        assert_eq!(shown("\u{5d0}\u{5d1}.txt"), "\u{5d0}\u{5d1}.txt");
        assert_eq!(shown("\u{1f468}\u{200d}\u{1f467}.jpg"), "\u{1f468}\u{200d}\u{1f467}.jpg");
    }

    #[test]
    fn names_of_strangers_become_harmless() {
        let table = [
            ("photo.jpg", "photo.jpg"),
            ("Grüße 2026.pdf", "Grüße 2026.pdf"),
            ("C:\\Users\\eve\\a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            ("..", "file"),
            ("...", "file"),
            ("", "file"),
            ("a/", "file"),
            (" . ", "file"),
            (".driftlessignore", "_driftlessignore"),
            (".driftless", "_driftless"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie_ x"),
            ("<img src=x onerror=alert(1)>.html", "_img src=x onerror=alert(1)_.html"),
            ("\"quoted\"", "_quoted_"),
            ("NUL.txt", "_NUL.txt"),
            ("com7", "_com7"),
            ("common", "common"),
            ("a. . ", "a"),
            ("\u{0}\u{1}", "file"),
        ];
        for (sent, expected) in table {
            assert_eq!(clean(Some(sent)).as_str(), expected, "{sent:?}");
        }
        assert_eq!(clean(None).as_str(), "file");
        let long = clean(Some(&format!("{}.jpeg", "\u{1f600}".repeat(300))));
        assert!(long.as_str().len() <= BYTES_MAX, "{long}");
        assert!(clean(Some(&format!("{}.jpeg", "x".repeat(198)))).as_str().ends_with(".jpeg"));
    }
}
