//! `Range` (RFC 9110, section 14): one range of bytes.

use std::ops::Range;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything: no range, or one that may be ignored (several, other units, unreadable).
    Whole,
    /// These bytes.
    Bytes(Range<u64>),
    /// A range outside the content.
    Outside,
}

/// Reads a `Range` header against a content of so many bytes.
pub(crate) fn part(header: Option<&str>, size: u64) -> Part {
    let Some((from, to)) = header
        .and_then(|text| text.strip_prefix("bytes="))
        .filter(|text| !text.contains(','))
        .and_then(|text| text.trim().split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(from), number(to)) {
        (None, Some(last)) if from.is_empty() => match size.min(last) {
            0 => Part::Outside,
            length => Part::Bytes(size - length..size),
        },
        (Some(first), _) if first >= size && (to.is_empty() || number(to).is_some()) => Part::Outside,
        (Some(first), None) if to.is_empty() => Part::Bytes(first..size),
        (Some(first), Some(last)) if last >= first => Part::Bytes(first..size.min(last.saturating_add(1))),
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_to_the_content() {
        let part = |text| part(Some(text), 100);
        assert_eq!(part("bytes=0-9"), Part::Bytes(0..10));
        assert_eq!(part("bytes=90-200"), Part::Bytes(90..100));
        assert_eq!(part("bytes=90-"), Part::Bytes(90..100));
        assert_eq!(part("bytes=-10"), Part::Bytes(90..100));
        assert_eq!(part("bytes=-1000"), Part::Bytes(0..100));
        assert_eq!(part("bytes=0-18446744073709551615"), Part::Bytes(0..100));
        assert_eq!(part("bytes=0-99999999999999999999999"), Part::Bytes(0..100));
    }

    #[test]
    fn what_lies_outside_is_told_from_what_may_be_ignored() {
        assert_eq!(part(Some("bytes=100-"), 100), Part::Outside);
        assert_eq!(part(Some("bytes=-0"), 100), Part::Outside);
        assert_eq!(part(Some("bytes=0-"), 0), Part::Outside);
        for ignored in
            ["bytes=5-1", "bytes=1-2,5-6", "lines=1-2", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2"]
        {
            assert_eq!(part(Some(ignored), 100), Part::Whole, "{ignored}");
        }
        assert_eq!(part(None, 100), Part::Whole);
    }
}
