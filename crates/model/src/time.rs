//! Moments. Always passed in; nothing in the pure crates asks a clock.

use std::fmt;

/// A moment in nanoseconds since 1970-01-01T00:00:00Z, from 1677 to 2262.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl Timestamp {
    /// From whole seconds and nanoseconds, as a disk gives them; out of range becomes the nearest moment.
    #[must_use]
    pub fn from_parts(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(i64::from(nanoseconds)))
    }

    /// Whole seconds (rounded down) and the nanoseconds above them.
    #[must_use]
    pub fn parts(self) -> (i64, u32) {
        (self.0.div_euclid(NANOS_PER_SECOND), self.0.rem_euclid(NANOS_PER_SECOND) as u32)
    }

    /// This moment and so many milliseconds.
    #[must_use]
    pub fn plus_ms(self, milliseconds: u64) -> Self {
        let nanoseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Self(self.0.saturating_add(nanoseconds))
    }

    /// The day in UTC: year, month (1 to 12), day (1 to 31).
    #[must_use]
    pub fn date(self) -> (i64, u32, u32) {
        // Civil date from a day count: Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let days = self.parts().0.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month as u32, day as u32)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let second = self.parts().0.rem_euclid(86_400);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(Timestamp::from_parts(0, 0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_parts(951_782_400, 0).to_string(), "2000-02-29T00:00:00Z");
        assert_eq!(Timestamp::from_parts(-1, 999_999_999).to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_parts(1_795_303_532, 5).to_string(), "2026-11-21T23:25:32Z");
        assert_eq!(Timestamp::from_parts(-1, 999_999_999).parts(), (-1, 999_999_999));
    }
}
