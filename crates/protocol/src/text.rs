//! Texts of JSON fields: ids by their text forms, moments by RFC 3339.

use model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A moment as RFC 3339 in UTC, with as many decimals as it needs (none, or nine).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RfcTime(pub Timestamp);

/// A text that is no moment of the form `2026-11-21T23:25:32.000000005Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a moment as RFC 3339 in UTC, such as 2026-11-21T23:25:32Z")]
pub struct RfcTimeError;

impl fmt::Display for RfcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.to_string();
        match self.0.parts().1 {
            0 => f.write_str(&whole),
            nanoseconds => write!(f, "{}.{nanoseconds:09}Z", whole.trim_end_matches('Z')),
        }
    }
}

impl FromStr for RfcTime {
    type Err = RfcTimeError;

    fn from_str(text: &str) -> Result<Self, RfcTimeError> {
        parse(text).map(Self).ok_or(RfcTimeError)
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00";
    if bytes.len() < 20 || bytes.last() != Some(&b'Z') {
        return None;
    }
    let fits = |(byte, wanted): (&u8, &u8)| {
        if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted }
    };
    if !bytes.iter().zip(shape).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let nanoseconds = match &text[19..text.len() - 1] {
        "" => 0,
        fraction => parse_fraction(fraction.strip_prefix('.')?)?,
    };
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let moment = Timestamp::from_parts(days * 86_400 + hour * 3600 + minute * 60 + second, nanoseconds);
    // A day that the month does not have comes back as another date, a year out of range as another year.
    let date = moment.date();
    (date == (year, month as u32, day as u32)).then_some(moment)
}

fn parse_fraction(digits: &str) -> Option<u32> {
    let known = (1..=9).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    known.then(|| format!("{digits:0<9}").parse().ok())?
}

/// Days since 1970-01-01: Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// For `#[serde(with = "…")]`: a type by its one text form.
pub(crate) mod by_text {
    use super::{Deserialize, Deserializer, FromStr, Serializer, de, fmt};

    pub(crate) fn serialize<T: fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// For `#[serde(with = "…")]`: a list of such.
pub(crate) mod list_by_text {
    use super::{ByText, Deserialize, Deserializer, FromStr, Serializer, fmt};

    pub(crate) fn serialize<T: fmt::Display, S: Serializer>(list: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|value| format!("{value}")))
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<ByText<T>>::deserialize(from)?.into_iter().map(|item| item.0).collect())
    }
}

/// For `#[serde(with = "…")]`: such, or null.
pub(crate) mod option_by_text {
    use super::{ByText, Deserialize, Deserializer, FromStr, Serializer, fmt};

    pub(crate) fn serialize<T: fmt::Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: Deserializer<'de>,
    {
        Ok(Option::<ByText<T>>::deserialize(from)?.map(|item| item.0))
    }
}

struct ByText<T>(T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for ByText<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        by_text::deserialize(from).map(ByText)
    }
}

impl Serialize for RfcTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RfcTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        by_text::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_written_as_rfc_3339() {
        let moment = |seconds, nanoseconds| RfcTime(Timestamp::from_parts(seconds, nanoseconds)).to_string();
        assert_eq!(moment(1_795_303_532, 5), "2026-11-21T23:25:32.000000005Z");
        assert_eq!(moment(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(
            "2000-02-29T00:00:00.5Z".parse::<RfcTime>().unwrap().0.parts(),
            (951_782_400, 500_000_000)
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "Z",
            "2026-11-21",
            "2026-11-21T23:25:32",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+1Z",
            "9999-01-01T00:00:00Z",
            "2026-01-01\u{20ac}00:00:00Z",
        ] {
            assert!(bad.parse::<RfcTime>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_moment_is_read_back(nanoseconds in any::<i64>()) {
            let moment = RfcTime(Timestamp(nanoseconds));
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<RfcTime>();
        }
    }
}
