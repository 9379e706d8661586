//! From when until when a certificate says that it holds (RFC 5280, 4.1): for people, who want to know before it ends.
//! Whether it is believed is decided by clients alone.

use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, Tag};

/// First and last moment, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From when on.
    pub from_seconds: i64,
    /// Until when.
    pub until_seconds: i64,
}

/// Reads it out of a certificate in DER form; none if that is no certificate.
pub(super) fn read(certificate: &[u8]) -> Option<Validity> {
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|whole| {
            let found = whole.next().read_sequence(|signed| {
                signed.read_optional(|version| {
                    version.read_tagged(Tag::context(0), |number| number.read_der())
                })?;
                for _ in ["serial number", "algorithm", "issuer"] {
                    signed.next().read_der()?;
                }
                let validity = signed.next().read_sequence(|times| {
                    Ok(Validity { from_seconds: time(times.next())?, until_seconds: time(times.next())? })
                })?;
                while signed.read_optional(|rest| rest.read_der())?.is_some() {}
                Ok(validity)
            })?;
            for _ in ["algorithm", "signature"] {
                whole.next().read_der()?;
            }
            Ok(found)
        })
    })
    .ok()
}

fn time(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
    match reader.lookahead_tag()? {
        TAG_UTCTIME => Ok(reader.read_utctime()?.datetime().unix_timestamp()),
        TAG_GENERALIZEDTIME => Ok(reader.read_generalized_time()?.datetime().unix_timestamp()),
        _ => Err(ASN1Error::new(ASN1ErrorKind::Invalid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    #[test]
    fn both_ways_of_writing_a_year_are_read_and_nothing_else_is() {
        // Years before 2050 are written with two digits, later ones with four.
        for (from, until) in [(2020, 2026), (2020, 2050), (2051, 9999)] {
            let mut wanted = CertificateParams::new(["localhost".to_owned()]).unwrap();
            (wanted.not_before, wanted.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 12, 31));
            let made = wanted.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let found = read(made.der()).unwrap();
            assert_eq!(found.from_seconds, date_time_ymd(from, 1, 1).unix_timestamp());
            assert_eq!(found.until_seconds, date_time_ymd(until, 12, 31).unix_timestamp());
            for length in 0..made.der().len() {
                assert_eq!(read(&made.der()[..length]), None, "cut at {length}");
            }
        }
        assert_eq!(read(b"-----BEGIN CERTIFICATE-----"), None);
    }
}
