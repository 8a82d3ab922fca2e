//! Golden bytes: what crosses a Trust's boundary today must be readable for ever.
//!
//! Each file under `golden/v1` was written once by this test with `FLIP_GOLDEN=write` and never changes; a new
//! version of the wire gets a folder of its own.
#![expect(clippy::unwrap_used, reason = "a test may end where its own ground gives way")]

#[path = "../fuzz/judge_bundle.rs"]
mod judge_bundle;

mod bundles;
mod enrolment;
mod messages;
mod results;
mod syncs;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use flip_protocol::keys::{OpeningKey, SigningKey};
use flip_protocol::{MessageId, PartyId, UnixMillis};
use rand_core::{TryCryptoRng, TryRng};
use uuid::Uuid;

/// Bytes that are always the same. Never for real keys.
struct Fixed(u8);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

fn hub() -> PartyId {
    PartyId(Uuid::from_u128(0x01_02_03))
}

fn trust() -> PartyId {
    PartyId(Uuid::from_u128(0x0a_0b_0c))
}

fn message_id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn opening(seed: u8) -> OpeningKey {
    OpeningKey::from_bytes(&[seed; 32]).unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1").join(name)
}

/// Compares with the golden file, or writes it where the environment asks for that and it does not exist.
fn same(name: &str, text: &str) {
    if std::env::var("FLIP_GOLDEN").is_ok_and(|wish| wish == "write") && !path(name).exists() {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), text).unwrap();
    }
    let golden = fs::read_to_string(path(name)).unwrap_or_else(|_| panic!("{name} is missing"));
    assert_eq!(golden, text, "{name}: the wire changed; a new version needs a folder of its own");
}
