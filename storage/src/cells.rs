//! Sealed cells: secrets that stand in a ledger and that only the key kept beside it opens.
//!
//! What must stay true: a cell is bound to its table, row and column, so that one that is moved or altered does not
//! open. The form is a version byte, a nonce of 12 bytes, then AES-256-GCM's ciphertext and tag (NIST SP 800-38D).
//! Deliberately absent: which of a ledger's columns are sealed, where the key is kept, and randomness.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's key.
    pub row: &'a [u8],
    /// The column.
    pub column: &'a str,
}

/// The key of a ledger's cells.
pub struct CellKey(Aes256Gcm);

/// The value does not open: the key is another's, or the cell was altered or moved.
#[derive(Debug, thiserror::Error)]
#[error(
    "a sealed cell does not open: the key is not the one it was sealed with, or the cell was altered or moved"
)]
pub struct NotOpened;

impl CellKey {
    /// The key of these bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Seals a secret. No nonce may come twice: random ones are good for four thousand million cells.
    pub fn seal(&self, cell: Cell<'_>, nonce: [u8; NONCE_BYTES], secret: &[u8]) -> Vec<u8> {
        let sealed = self.0.encrypt(&nonce.into(), Payload { msg: secret, aad: &cell.bound() });
        let sealed = sealed.expect("a secret is far shorter than AES-GCM's bound of 64 GiB");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed for this very cell.
    pub fn open(&self, cell: Cell<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (version, rest) = sealed.split_first().ok_or(NotOpened)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened)?;
        if *version != VERSION {
            return Err(NotOpened);
        }
        let opened = self.0.decrypt(nonce.into(), Payload { msg: sealed, aad: &cell.bound() });
        opened.map(Zeroizing::new).map_err(|_| NotOpened)
    }
}

impl Cell<'_> {
    /// What binds a value to its place: each part after its length.
    fn bound(&self) -> Vec<u8> {
        let mut bound = b"flip cell 1".to_vec();
        for part in [self.table.as_bytes(), self.row, self.column.as_bytes()] {
            bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bound.extend_from_slice(part);
        }
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: Cell<'static> = Cell { table: "second_factor", row: &[7; 16], column: "secret" };

    #[test]
    fn a_cell_opens_in_its_place_alone_and_with_its_key_alone() {
        let key = CellKey::new(&[1; 32]);
        let sealed = key.seal(CELL, [2; 12], b"a secret");
        assert_eq!(*key.open(CELL, &sealed).unwrap(), b"a secret");
        assert!(CellKey::new(&[3; 32]).open(CELL, &sealed).is_err(), "another key opens it");
        for elsewhere in [
            Cell { table: "session", ..CELL },
            Cell { row: &[8; 16], ..CELL },
            Cell { column: "name", ..CELL },
            // The same bytes in other parts.
            Cell { table: "second_factor\u{7}", row: &[7; 15], ..CELL },
        ] {
            assert!(key.open(elsewhere, &sealed).is_err(), "{elsewhere:?}");
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key.open(CELL, &altered).is_err(), "byte {at}");
            assert!(key.open(CELL, &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    /// Golden: ledgers hold these bytes.
    #[test]
    fn a_sealed_cell_is_the_same_bytes() {
        let sealed = CellKey::new(&[1; 32]).seal(CELL, [2; 12], b"a secret");
        let (head, body) = sealed.split_at(13);
        assert_eq!(head, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        // OpenSSL makes the same ones.
        let tail = u128::from_be_bytes(body[8..].try_into().unwrap());
        assert_eq!(u64::from_be_bytes(body[..8].try_into().unwrap()), 0x66f6_ba2c_2925_a489);
        assert_eq!(tail, 0x0d09_f2ea_4162_2db2_cc61_6722_0e49_fead);
    }
}
