//! The second factor: the codes of an authenticator app (TOTP, RFC 6238) and recovery codes. Pure.
//!
//! What must stay true: a code is good for one step of 30 seconds and the one on each side of it, and whoever checks one
//! keeps the step, so that none is taken twice, nor an earlier one. Deliberately absent: where secrets are kept
//! ([`flip_storage::cells`]).

use std::io;
use std::path::Path;

use flip_protocol::UnixMillis;
use flip_storage::cells::{Cell, CellKey};
use sha2::{Digest as _, Sha256};
use totp_rs::{Builder, Secret, Totp};

use crate::person::PersonId;
use crate::uri::escaped;
use crate::{bounds, clock, key_file};

/// The bytes of a secret (RFC 4226 §4, R6).
pub const SECRET_BYTES: usize = 20;
/// How long a code shows, in seconds.
const STEP_S: u64 = 30;
/// The file of the cells' key in the folder of keys.
pub const KEY: &str = "cells.key";

/// What somebody typed as their second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A code of their app.
    Code(String),
    /// One of their recovery codes, as the ledger keeps it.
    Recovery([u8; 32]),
    /// Neither.
    Nothing,
}

impl Typed {
    /// Reads it, however it is spaced and whatever its case.
    pub fn read(person: PersonId, text: &str) -> Self {
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .take(bounds::RECOVERY_CODE_CHARACTERS + 1)
            .collect();
        if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Code(plain)
        } else if plain.len() == bounds::RECOVERY_CODE_CHARACTERS {
            Self::Recovery(recovery_sha256(person, &plain))
        } else {
            Self::Nothing
        }
    }
}

/// Reads the key of the ledger's sealed cells, and makes it where there is none: a hub older than them has none.
pub fn cell_key(keys: &Path) -> io::Result<CellKey> {
    let without = "leaves every second factor to be reset: what was sealed does not open any more";
    Ok(CellKey::new(&*key_file::load_or_make(keys, KEY, without)?))
}

/// Where a person's secret is sealed.
pub fn cell(person: &[u8; 16]) -> Cell<'_> {
    Cell { table: "second_factor", row: person, column: "secret" }
}

/// The step whose code that is, where it is now or next to now.
pub fn step_of(secret: &[u8], code: &str, now: UnixMillis) -> Option<u64> {
    totp(secret)?.check(code, now.0 / 1_000)
}

/// The secret as an app takes it when it is typed: base32 (RFC 4648) in groups of four.
pub fn spelled(secret: &[u8; SECRET_BYTES]) -> String {
    grouped(&Secret::new_stack(*secret).to_base32())
}

/// The secret as an app takes it from a picture: the key URI that authenticator apps agree on.
pub fn uri(secret: &[u8; SECRET_BYTES], host: &str, name: &str) -> String {
    let (issuer, name) = (escaped(&format!("FLIP Edge {host}")), escaped(name));
    format!(
        "otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}",
        Secret::new_stack(*secret).to_base32()
    )
}

/// Fresh recovery codes, of 80 bits each: too many to be found from what the ledger keeps of them.
pub fn recovery_codes() -> [String; bounds::RECOVERY_CODES] {
    std::array::from_fn(|_| {
        let bytes = clock::random_bytes::<10>();
        grouped(&Secret::new(Box::new(bytes)).to_base32().to_lowercase())
    })
}

/// What the ledger keeps of a recovery code.
pub fn recovery_sha256(person: PersonId, code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(|c| *c != '-').collect();
    let mut digest = Sha256::new();
    digest.update(b"flip-hub recovery 1");
    digest.update(person.bytes());
    digest.update(plain.to_lowercase());
    digest.finalize().into()
}

fn totp(secret: &[u8]) -> Option<Totp> {
    let secret: [u8; SECRET_BYTES] = secret.try_into().ok()?;
    Builder::new().with_secret(secret).with_skew(1).with_step_duration(STEP_S).build().ok()
}

fn grouped(text: &str) -> String {
    let groups: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8; SECRET_BYTES] = b"12345678901234567890";

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (at_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(SECRET, code, UnixMillis(at_s * 1_000)), Some(at_s / 30), "{at_s}");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let at = |s: u64| UnixMillis(s * 1_000);
        for (now, good) in [(29, true), (30, true), (59, true), (89, true), (90, false), (120, false)] {
            assert_eq!(step_of(SECRET, "287082", at(now)).is_some(), good, "{now}");
        }
        assert_eq!(step_of(SECRET, "287083", at(59)), None);
        assert_eq!(step_of(b"short", "287082", at(59)), None);
    }

    #[test]
    fn what_is_typed_is_read_however_it_is_spaced() {
        let (ada, ben) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        assert_eq!(Typed::read(ada, " 287 082\n"), Typed::Code("287082".to_owned()));
        let [code, other, ..] = recovery_codes();
        let kept = Typed::Recovery(recovery_sha256(ada, &code));
        assert_eq!(Typed::read(ada, &code.to_uppercase().replace('-', " ")), kept);
        assert_ne!(Typed::read(ada, &other), kept);
        assert_ne!(Typed::read(ben, &code), kept, "a code is its person's");
        for neither in ["", "28708", "2870822", "28708²", &"a".repeat(17), &"9".repeat(100_000)] {
            assert_eq!(Typed::read(ada, neither), Typed::Nothing, "{neither}");
        }
    }

    #[test]
    fn an_app_is_told_the_secret_in_both_ways() {
        assert_eq!(spelled(SECRET), "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ");
        assert_eq!(
            uri(SECRET, "flip.example", "Ada: of & all"),
            "otpauth://totp/FLIP%20Edge%20flip.example:Ada%3A%20of%20%26%20all\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=FLIP%20Edge%20flip.example"
        );
    }
}
