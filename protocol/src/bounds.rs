//! Limits of the wire, each with its unit and its reason.

/// Characters of a cohort question. FLIP's own limit.
pub const SQL_CHARACTERS: usize = 10_240;
/// Bytes of one message's sealed body. A cohort answer is a few kilobytes; larger bodies will go as chunks.
pub const BODY_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one sync request or response: a few full messages and their base64.
pub const SYNC_BYTES: u64 = 16 * 1024 * 1024;
/// Messages in one sync request or response.
pub const SYNC_MESSAGES: usize = 64;
/// Characters of any name: a Trust's, a query's, a version.
pub const NAME_CHARACTERS: usize = 120;
/// Milliseconds a hub may hold a sync request: below the usual 30 s idle limit of proxies.
pub const LONG_POLL_MS: u64 = 25_000;
/// Milliseconds an order stays valid: a Trust may be away over a long weekend and still answer.
pub const ORDER_LIFE_MS: u64 = 7 * 24 * 3_600_000;
/// Milliseconds a kit stays valid.
pub const KIT_LIFE_MS: u64 = 7 * 24 * 3_600_000;
/// How far behind the newest sequence number a message may still arrive, in messages.
pub const SEQUENCE_WINDOW: u64 = 4_096;
/// Milliseconds between two exchanges of heads of audits: each costs an act on both sides, and what is done in between can
/// be written anew unseen.
pub const HEADS_EVERY_MS: u64 = 15 * 60_000;
/// Entries of any list of ids in one sync.
pub const SYNC_LISTED: usize = 4_096;
/// Concerns that one health snapshot names: there are fewer kinds.
pub const SYNC_CONCERNS: usize = 32;
/// Bytes of one whole message: a full body and everything around it.
pub const MESSAGE_BYTES: usize = BODY_BYTES + 256;
/// The most that a number or a moment on the wire may be: what a ledger's signed columns hold.
pub const NUMBER_MOST: u64 = i64::MAX as u64;
/// Bytes of a chunk of a bundle: what is read, checked and kept at once.
pub const BUNDLE_CHUNK: u64 = 1024 * 1024;
/// Bytes of a bundle's payload: a manifest of 2 MiB, which is held in memory.
pub const BUNDLE_PAYLOAD: u64 = 64 * 1024 * 1024 * 1024;
/// Bytes of a whole bundle at most: its head and manifest are far below the rest of this.
pub const BUNDLE_BYTES: u64 = BUNDLE_PAYLOAD + 16 * 1024 * 1024;
/// Milliseconds that a bundle to a Trust is good for: a courier may come once a week, and miss one.
pub const BUNDLE_LIFE_TO_TRUST_MS: u64 = 14 * 24 * 3_600_000;
/// Milliseconds that a bundle to the hub is good for: the life of the results in it.
pub const BUNDLE_LIFE_TO_HUB_MS: u64 = 365 * 24 * 3_600_000;
/// Milliseconds that a bundle may have been made after what the receiver's clock says.
pub const BUNDLE_AHEAD_MS: u64 = 24 * 3_600_000;
/// How far behind the newest number a bundle may still arrive, in bundles.
pub const BUNDLE_WINDOW: u64 = 4_096;
/// Files on one stick that are looked at.
pub const BUNDLES_ON_A_STICK: usize = 64;
/// Milliseconds for which bundles that were made and not carried away are carried on with, not made anew.
pub const BUNDLE_LEFT_MS: u64 = 24 * 3_600_000;
/// Orders, or results, in one bundle: as many as a sync lists.
pub const BUNDLE_MESSAGES: usize = SYNC_LISTED;

/// Bytes of a bundle of at most `size` that are not orders or results: its letter, the frames, and the manifest.
pub fn around_messages(letter: usize, size: u64) -> u64 {
    4_096 + letter as u64 + size.min(BUNDLE_PAYLOAD).div_ceil(BUNDLE_CHUNK) * 32
}
