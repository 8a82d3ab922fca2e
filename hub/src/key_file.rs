//! Keys of 32 random bytes beside the hub's other keys, each made when it is first needed: a hub that is older than what
//! a key is for has none.

use std::fs;
use std::io;
use std::path::Path;

use flip_storage::file::{self, Access};
use zeroize::Zeroizing;

use crate::clock;

/// Reads the key of that name in the folder of keys, and makes it where there is none. `without` is what another in its
/// place would mean.
pub fn load_or_make(keys: &Path, name: &str, without: &str) -> io::Result<Zeroizing<[u8; 32]>> {
    let path = keys.join(name);
    match fs::read(&path).map(Zeroizing::new) {
        Ok(bytes) => bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the key is not of 32 bytes; remove it to make another, which {without}"),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Zeroizing::new(clock::random_bytes());
            file::write(&path, key.as_slice(), Access::Owner)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
}
