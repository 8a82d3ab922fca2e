//! Text as a part of a URI.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

/// The host of an authority (RFC 3986 §3.2), without the brackets of an IPv6 address, and its port where it has one;
/// `None` where it is no such thing.
pub fn authority(text: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok().then_some(address)?,
        None => is_name(host).then_some(host)?,
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    port.is_none_or(is_port).then_some((host, port))
}

/// True for what may be a host's name or its IPv4 address.
pub fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !text.is_empty() && text.len() <= 253 && text.chars().all(plain)
}

/// The text that an escaped one stands for; `None` where it stands for none.
pub fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        // Signs are taken for parts of a number elsewhere.
        let is_byte = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_byte)?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back_and_what_stands_for_no_text_does_not() {
        for text in ["", "plain", "a b&c=%", "//\\\r\n", "café 100%"] {
            assert_eq!(unescaped(&escaped(text)).as_deref(), Some(text));
        }
        for text in ["%", "%2", "a%2", "%zz", "%+5", "%é", "%FF", "%C3"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }
}
