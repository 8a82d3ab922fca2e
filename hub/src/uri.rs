//! Text as a part of a URI.

use std::fmt::Write as _;

/// A text with everything escaped that means something in a URI (RFC 3986 §2.1).
pub fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a String takes it all");
        }
        escaped
    })
}
