//! Whether a certificate holds, and for how long still.

use super::Findings;
use crate::output;

/// So long before its end, somebody is told.
const EARLY_SECONDS: i64 = 30 * 86_400;
const SUBJECT: &str = "tls";
const RENEW: &str =
    "have it renewed (`certbot renew`, or your authority); the server takes renewed files up by itself";

pub(super) fn holds(findings: &mut Findings, file: &str, now: i64, from: i64, until: i64) {
    let time = |seconds: i64| output::duration(u64::try_from(seconds).unwrap_or(0));
    if now < from {
        let text = format!("the certificate in {file} holds only in {}: devices refuse it", time(from - now));
        findings.bad(SUBJECT, text, "look at the clock, or have another certificate made");
    } else if now >= until {
        let text = format!("the certificate in {file} ended {} ago: devices refuse it", time(now - until));
        findings.bad(SUBJECT, text, RENEW);
    } else if until - now < EARLY_SECONDS {
        findings.warning(SUBJECT, format!("the certificate in {file} ends in {}", time(until - now)), RENEW);
    } else {
        findings.good(SUBJECT, format!("the certificate in {file} holds for {}", time(until - now)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Health, Part};
    use super::*;

    #[test]
    fn a_certificate_is_told_of_a_month_before_it_ends() {
        let health = |now| {
            let mut findings = Findings::of(Part::Server);
            holds(&mut findings, "cert.pem", now, 1_000, 10_000_000);
            let found = findings.found.remove(0);
            assert_eq!(found.remedy.is_none(), found.health == Health::Good);
            found.health
        };
        assert_eq!([health(999), health(10_000_000)], [Health::Bad, Health::Bad]);
        assert_eq!([health(9_999_999), health(10_000_000 - 29 * 86_400)], [Health::Warning, Health::Warning]);
        assert_eq!([health(1_000), health(10_000_000 - 30 * 86_400)], [Health::Good, Health::Good]);
    }
}
