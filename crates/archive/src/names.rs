//! Names as every system can unpack them.
//!
//! *Always:* a name stays in its directory, is one that Windows takes, and no two of a directory are the same to a disk
//! that ignores case. What is to be altered is altered visibly: a forbidden character becomes `_`, a second of a name `(2)`.

use model::NAME_BYTES_MAX;
use model::name::fold;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The names that one directory of an archive has already, as hashes: two that only seem to clash cost a needless `(2)`.
#[derive(Debug, Default)]
pub struct Names(HashSet<u64>);

impl Names {
    /// The name under which a node goes into this directory.
    pub fn add(&mut self, name: &str) -> String {
        let safe = safe(name);
        if self.is_new(&safe) {
            return safe;
        }
        let (stem, ending) = parts(&safe);
        let mut number = 2_u64;
        loop {
            let mark = format!(" ({number})");
            let numbered = format!("{}{mark}{ending}", shortened(stem, mark.len() + ending.len()));
            if self.is_new(&numbered) {
                return numbered;
            }
            number += 1;
        }
    }

    fn is_new(&mut self, name: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        fold(name).hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}

/// Stem and ending; an ending that is most of the name is none.
fn parts(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 32 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// As much of a stem as leaves room for what follows.
fn shortened(stem: &str, following: usize) -> &str {
    let mut end = stem.len().min(NAME_BYTES_MAX.saturating_sub(following));
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    &stem[..end]
}

/// What Windows calls devices, with or without an ending.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    number.is_some_and(|number| {
        let mut signs = number.chars();
        let first = signs.next();
        first.is_some_and(|sign| matches!(sign, '0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'))
            && signs.next().is_none()
    })
}

/// One name without what some system would take for something else.
pub fn safe(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|sign| match sign {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            sign if sign.is_control() => '_',
            sign => sign,
        })
        .collect();
    if safe.ends_with(['.', ' ']) {
        safe.pop();
        safe.push('_');
    }
    if safe.is_empty() || is_reserved(&safe) {
        safe = format!("_{}", shortened(&safe, 1));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_windows_does_not_take_is_replaced() {
        for (name, expected) in [
            ("plain.txt", "plain.txt"),
            ("a:b\\c*?.txt", "a_b_c__.txt"),
            ("..", "._"),
            ("ends. ", "ends._"),
            ("con", "_con"),
            ("Com1.tar.gz", "_Com1.tar.gz"),
            ("com10", "com10"),
            ("nul .txt", "_nul .txt"),
            ("line\nbreak\u{85}", "line_break_"),
            ("\u{f1}and\u{fa}", "\u{f1}and\u{fa}"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_second_of_a_name_gets_a_number_before_its_ending() {
        let mut names = Names::default();
        assert_eq!(names.add("a:b.txt"), "a_b.txt");
        assert_eq!(names.add("A_B.TXT"), "A_B (2).TXT");
        assert_eq!(names.add("a?b.txt"), "a_b (3).txt");
        assert_eq!(names.add(".hidden"), ".hidden");
        assert_eq!(names.add(".HIDDEN"), ".HIDDEN (2)");
    }

    proptest! {
        #[test]
        fn names_stay_in_their_directory_and_differ(given in prop::collection::vec(".{1,300}", 1..20)) {
            let mut names = Names::default();
            let mut seen = HashSet::new();
            for name in given.iter().filter(|name| model::Name::new(name).is_ok()) {
                let safe = names.add(name);
                prop_assert!(model::Name::new(&safe).is_ok(), "{:?}", safe);
                prop_assert!(!safe.contains(['\\', ':', '/']) && !safe.ends_with(['.', ' ']));
                prop_assert!(seen.insert(fold(&safe)), "{:?} twice", safe);
            }
        }
    }
}
