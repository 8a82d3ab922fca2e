//! What must stay true of every file that is called a bundle. The fuzzer and the test of its corpus share it.
//!
//! An input whose first byte is 1 is a head and a payload that a sender has signed who lies: it is given the digests and the
//! signature that it would need, so that the fuzzer reaches what is behind them. Any other is a file as it is.

use std::io::Cursor;

use ed25519_dalek::Signer as _;
use flip_protocol::PartyId;
use flip_protocol::bundle::{Bundle, Expected, ReadError, Unproven, Way, Writer, carry};
use flip_protocol::keys::SigningKey;
use sha2::{Digest as _, Sha256};

const KEY: [u8; 32] = [1; 32];
const HEAD: usize = 98;
const CHUNK: usize = 1024 * 1024;

/// Reads the bytes as a receiver would; ends the program where what must be true is not.
pub fn judge(bytes: &[u8]) {
    match bytes.split_first() {
        Some((1, rest)) => read(&signed(rest)),
        _ => read(bytes),
    }
}

/// A file of this head, as far as it has one, and this payload, signed. The length that the head claims is made true, so
/// that there is something behind it; half of the inputs keep theirs.
fn signed(bytes: &[u8]) -> Vec<u8> {
    let mut head = [0; HEAD];
    let (given, payload) = bytes.split_at(bytes.len().min(HEAD));
    head[..given.len()].copy_from_slice(given);
    head[..6].copy_from_slice(b"FLPB\x01\x01");
    head[22..38].fill(1);
    head[38..54].fill(2);
    let key = ed25519_dalek::SigningKey::from_bytes(&KEY);
    head[78..86].copy_from_slice(&Sha256::digest(key.verifying_key().as_bytes())[..8]);
    if head[6].is_multiple_of(2) {
        head[90..98].copy_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    let mut file = head.to_vec();
    for chunk in payload.chunks(CHUNK) {
        file.extend_from_slice(&Sha256::digest(chunk));
    }
    let signature = key.sign(&file).to_bytes();
    file.extend_from_slice(&signature);
    file.extend_from_slice(payload);
    file
}

fn read(file: &[u8]) {
    let verifying = [SigningKey::from_bytes(&KEY).verifying()];
    let (me, sender) = (PartyId::from_bytes([2; 16]), PartyId::from_bytes([1; 16]));
    let expected = Expected { me, sender, way: Way::ToTrust, verifying: &verifying };
    let prove = |file| -> Result<Bundle<_>, ReadError> { Unproven::read(file)?.prove(&expected) };
    let mut copy = Cursor::new(Vec::new());
    let carried = prove(Cursor::new(file)).and_then(|bundle| carry(bundle, &mut copy, &mut |_, _| {}));
    let Ok(header) = carried else {
        assert!(messages(prove(Cursor::new(file))).is_none(), "what is not copied is not read");
        return;
    };
    assert_eq!(copy.into_inner(), file, "a copy is the file");
    assert_eq!(header.length(), file.len() as u64, "the head says how long the file is");
    let Some(messages) = messages(prove(Cursor::new(file))) else { return };
    // Written again it is the same file: there is one way to write a bundle.
    let lengths: Vec<u64> = messages.iter().map(|message| message.len() as u64).collect();
    let signing = SigningKey::from_bytes(&KEY);
    let mut writer = Writer::new(Cursor::new(Vec::new()), header.heading, &lengths, &signing).unwrap();
    for message in &messages {
        writer.message(message).unwrap();
    }
    assert_eq!(writer.finish(&signing).unwrap().1.into_inner(), file, "a bundle is written in one way");
}

fn messages<R: std::io::Read>(bundle: Result<Bundle<R>, ReadError>) -> Option<Vec<Vec<u8>>> {
    let mut bundle = bundle.ok()?;
    let mut messages = Vec::new();
    while let Some(message) = bundle.next_message().ok()? {
        messages.push(message);
    }
    Some(messages)
}
