//! Passwords: Argon2id, as PHC strings.

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

/// The longest password in bytes: more is not worth hashing.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// The fewest characters of a new password (ASVS 5.0, 6.2.1).
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

/// How much work a password costs.
#[derive(Debug, Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    /// Verified in the place of an account that is not there, so that it costs the same.
    decoy: String,
}

/// Why a password was not hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short to be anybody's secret.
    #[error("a password has at least {PASSWORD_CHARACTERS_MIN} characters")]
    TooShort,
    /// Too long to be worth hashing.
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// The system has no memory or no randomness for it.
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another password.
    Wrong,
    /// The password.
    Right,
    /// The password, stored with less work than is asked for today: hash it anew.
    RightButWeak,
}

impl Hasher {
    /// 46 MiB, one pass, one lane (OWASP, Password Storage, 2026): about 30 ms.
    pub fn standard() -> Result<Self, PasswordError> {
        Self::with_cost(47_104, 1)
    }

    /// Another cost: KiB of memory and passes.
    pub fn with_cost(memory_kib: u32, passes: u32) -> Result<Self, PasswordError> {
        let params = Params::new(memory_kib, passes, 1, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = argon2.hash_password(b"nobody's password").map_err(failed)?.to_string();
        Ok(Self { argon2, decoy })
    }

    /// Hashes a new password. Takes the full work.
    pub fn hash(&self, password: &str) -> Result<String, PasswordError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        if password.chars().count() < PASSWORD_CHARACTERS_MIN {
            return Err(PasswordError::TooShort);
        }
        let hash = self.argon2.hash_password(password.as_bytes()).map_err(failed)?;
        Ok(hash.to_string())
    }

    /// Tries a password against what is stored; without anything stored, it takes the same work and is wrong.
    #[must_use]
    pub fn verify(&self, password: &str, stored: Option<&str>) -> Verdict {
        // What is longer cannot have been set; it is cut only so that it costs no more than the others.
        let tried = &password.as_bytes()[..password.len().min(PASSWORD_BYTES_MAX)];
        let Ok(hash) = PasswordHash::new(stored.unwrap_or(&self.decoy)) else { return Verdict::Wrong };
        let equal = self.argon2.verify_password(tried, &hash).is_ok();
        match (equal, stored) {
            (true, Some(_)) if password.len() <= PASSWORD_BYTES_MAX => self.strength(&hash),
            _ => Verdict::Wrong,
        }
    }

    fn strength(&self, hash: &PasswordHash) -> Verdict {
        let enough = Params::try_from(hash).is_ok_and(|stored| {
            let asked = self.argon2.params();
            stored.m_cost() >= asked.m_cost() && stored.t_cost() >= asked.t_cost()
        });
        if enough && hash.algorithm == Algorithm::Argon2id.ident() {
            Verdict::Right
        } else {
            Verdict::RightButWeak
        }
    }
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap(memory_kib: u32) -> Hasher {
        Hasher::with_cost(memory_kib, 1).unwrap()
    }

    #[test]
    fn only_the_password_itself_is_right() {
        let hasher = cheap(64);
        let stored = hasher.hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert_ne!(hasher.hash("correct horse").unwrap(), stored, "every hash has its own salt");
        assert_eq!(hasher.verify("correct horse", Some(&stored)), Verdict::Right);
        for wrong in ["", "correct horse ", "Correct horse"] {
            assert_eq!(hasher.verify(wrong, Some(&stored)), Verdict::Wrong);
        }
        assert_eq!(hasher.verify("nobody's password", None), Verdict::Wrong);
        assert_eq!(hasher.verify("correct horse", Some("not a hash")), Verdict::Wrong);
    }

    #[test]
    fn a_password_stored_with_less_work_is_to_be_hashed_anew() {
        let stored = cheap(64).hash("correct horse").unwrap();
        assert_eq!(cheap(128).verify("correct horse", Some(&stored)), Verdict::RightButWeak);
        let stored = cheap(128).hash("correct horse").unwrap();
        assert_eq!(cheap(64).verify("correct horse", Some(&stored)), Verdict::Right);
    }

    #[test]
    fn lengths_are_bounded_and_nothing_is_cut_in_silence() {
        let hasher = cheap(64);
        assert_eq!(hasher.hash("1234567"), Err(PasswordError::TooShort));
        assert_eq!(hasher.hash(&"x".repeat(1025)), Err(PasswordError::TooLong));
        let stored = hasher.hash(&"x".repeat(1024)).unwrap();
        assert_eq!(hasher.verify(&"x".repeat(1025), Some(&stored)), Verdict::Wrong);
    }

    #[test]
    fn the_standard_costs_46_mebibytes() {
        let stored = Hasher::standard().unwrap().hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{stored}");
    }
}
