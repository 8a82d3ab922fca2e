//! The file of one version.
//!
//! ```text
//! offset   length
//!      0        4  "FLPF"
//!      4        1  version of this format, 1
//!      5        4  length of the facts, little endian
//!      9        f  the facts, JSON
//!    9+f        8  length of the persons, little endian
//!   17+f        p  the persons, a Roaring bitmap of 64 bits in its portable form
//! 17+f+p        8  length of the accession ids, little endian
//! 25+f+p        a  the accession ids in ascending order, each after its length in bytes (4, little endian)
//!      ..      32  SHA-256 over all before it
//! ```
//! What must stay true: the same cohort is the same bytes; a byte that was changed is noticed before anything is used.

use roaring::RoaringTreemap;
use sha2::{Digest as _, Sha256};

use super::Facts;
use crate::engine::{Members, list_of_bytes, list_to_bytes};

const MAGIC: &[u8; 4] = b"FLPF";
const VERSION: u8 = 1;
/// Bytes before the facts.
pub(super) const HEAD: usize = 9;
const DIGEST: usize = 32;
/// Bytes of facts at most: a question of 10,240 characters twice over.
pub(super) const FACTS_BYTES: usize = 1024 * 1024;

/// The file's bytes, and the digest at their end.
pub(super) fn encode(facts: &Facts, members: &Members) -> (Vec<u8>, [u8; DIGEST]) {
    let facts = serde_json::to_vec(facts).expect("facts are plain strings and numbers");
    let mut bytes = Vec::with_capacity(HEAD + facts.len() + members.persons.serialized_size() + 64);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    let length = u32::try_from(facts.len()).expect("facts are bounded");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&facts);
    bytes.extend_from_slice(&(members.persons.serialized_size() as u64).to_le_bytes());
    members.persons.serialize_into(&mut bytes).expect("a Vec takes all bytes");
    let accessions = list_to_bytes(&members.accessions);
    bytes.extend_from_slice(&(accessions.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&accessions);
    let digest: [u8; DIGEST] = Sha256::digest(&bytes).into();
    bytes.extend_from_slice(&digest);
    (bytes, digest)
}

/// The length of the facts that follow a file's first bytes.
pub(super) fn facts_length(head: &[u8; HEAD]) -> Result<usize, &'static str> {
    let (magic, rest) = head.split_at(MAGIC.len());
    let (version, length) = rest.split_at(1);
    if magic != MAGIC {
        return Err("it does not begin as one");
    }
    if version != [VERSION] {
        return Err("its format is of another version of this program");
    }
    let length = length.try_into().map(u32::from_le_bytes).map_err(|_| "it is cut short")?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > FACTS_BYTES { Err("its facts are too long") } else { Ok(length) }
}

/// The facts in these bytes.
pub(super) fn facts(bytes: &[u8]) -> Result<Facts, &'static str> {
    serde_json::from_slice(bytes).map_err(|_| "its facts cannot be read")
}

/// All of a file, and its digest.
pub(super) fn decode(bytes: &[u8]) -> Result<(Facts, Members, [u8; DIGEST]), &'static str> {
    const CUT: &str = "it is cut short";
    let (content, digest) = bytes.split_last_chunk::<DIGEST>().ok_or(CUT)?;
    if <[u8; DIGEST]>::from(Sha256::digest(content)) != *digest {
        return Err("its SHA-256 is not that of its content");
    }
    let (head, rest) = content.split_first_chunk::<HEAD>().ok_or(CUT)?;
    let (known, rest) = rest.split_at_checked(facts_length(head)?).ok_or(CUT)?;
    let facts = facts(known)?;
    let (persons, rest) = part(rest).ok_or(CUT)?;
    let (accessions, rest) = part(rest).ok_or(CUT)?;
    let persons = RoaringTreemap::deserialize_from(persons).map_err(|_| "its persons cannot be read")?;
    let accessions = list_of_bytes(accessions).ok_or("its accession ids cannot be read")?;
    let members = Members { persons, accessions: accessions.into_iter().collect(), rows: facts.rows };
    if rest.is_empty() { Ok((facts, members, *digest)) } else { Err("more follows its end") }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}
