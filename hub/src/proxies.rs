//! Proxies that stand before the people listener: whose word is taken on where a request is from.
//!
//! What must stay true: only the header that is configured is read, and only where the connection itself is from one of
//! these addresses; of what it lists, nothing is believed beyond the first address that is none of theirs, counted from
//! the end, since whoever sends a request can write what stands before. What is not understood names nobody: then it is
//! the last proxy that counts. Pure.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use serde::Deserialize;

/// What may stand in `[proxies]`. Unknown lines are refused by name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    addresses: Option<Vec<String>>,
    header: Option<String>,
}

/// The proxies; usually none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<Network>,
    header: Header,
}

/// The addresses that begin with so many bits of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    bits: u8,
}

/// Which header the proxies write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Header {
    /// `X-Forwarded-For`.
    #[default]
    ForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Proxies {
    /// Checks `[proxies]`, and names everything that is wrong with it.
    pub fn check(written: Written) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let addresses = written.addresses.unwrap_or_default();
        if addresses.is_empty() {
            problems.push("addresses is missing: where the proxies connect from".to_owned());
        }
        let mut networks = Vec::new();
        for text in addresses {
            match Network::of(&text) {
                Ok(network) => networks.push(network),
                Err(why) => problems.push(format!("addresses has {text:?}: {why}")),
            }
        }
        let header = match written.header.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("x-forwarded-for") => Header::ForwardedFor,
            Some("forwarded") => Header::Forwarded,
            Some(other) => {
                let why = "expected \"X-Forwarded-For\" or \"Forwarded\", whichever the proxies write anew";
                problems.push(format!("header = {other:?} is not right: {why}"));
                Header::ForwardedFor
            }
        };
        if problems.is_empty() { Ok(Self { networks, header }) } else { Err(problems) }
    }

    /// Where a request is from that came over a connection from `peer`.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.has(client) {
            return client;
        }
        let name = match self.header {
            Header::ForwardedFor => "x-forwarded-for",
            Header::Forwarded => "forwarded",
        };
        // From its end, hop by hop: what stands before may be the client's own, and need be no text.
        let lines = headers.get_all(name).iter().rev();
        for hop in lines.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
            let named = std::str::from_utf8(hop).ok().and_then(|hop| match self.header {
                Header::ForwardedFor => address(hop),
                Header::Forwarded => forwarded_for(hop),
            });
            let Some(named) = named else { return client };
            client = named.to_canonical();
            if !self.has(client) {
                return client;
            }
        }
        client
    }

    fn has(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.has(address))
    }
}

impl Network {
    fn of(text: &str) -> Result<Self, &'static str> {
        let wrong = "expected an IP address, or a network such as 10.1.0.0/16";
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| wrong)?;
        let all = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), str::parse).map_err(|_| wrong)?;
        let network = Self { first, bits };
        if bits > all {
            Err(wrong)
        } else if bits == 0 {
            Err("that is everybody, who would then say themselves where they are from")
        } else if network.cut(first) != number(first) {
            Err("its address has bits beyond those of the network")
        } else {
            Ok(network)
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.cut(address) == number(self.first)
    }

    fn cut(&self, address: IpAddr) -> u128 {
        number(address) & u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0)
    }
}

/// An address as a number, its first bit the highest.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

/// The address of an element's `for`; one within quotes that hold a comma is not understood.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(';') {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") {
            let value = value.trim();
            let value = match value.strip_prefix('"') {
                Some(quoted) => quoted.strip_suffix('"')?,
                None => value,
            };
            if found.replace(address(value)?).is_some() {
                return None;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn proxies(header: &str) -> Proxies {
        let addresses = ["192.0.2.10", "10.1.0.0/16", "2001:db8::/32"].map(str::to_owned).to_vec();
        Proxies::check(Written { addresses: Some(addresses), header: Some(header.to_owned()) }).unwrap()
    }

    #[track_caller]
    fn check(header: &str, values: &[&str], peer: &str, client: &str) {
        let mut headers = HeaderMap::new();
        for value in values {
            let name: axum::http::HeaderName = header.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let peer = peer.parse().unwrap();
        assert_eq!(proxies(header).client(peer, &headers).to_string(), client, "{values:?}");
    }

    #[test]
    fn a_header_counts_from_a_proxy_alone_and_from_its_end() {
        let it = "X-Forwarded-For";
        check(it, &["198.51.100.7"], "192.0.2.10", "198.51.100.7");
        check(it, &["198.51.100.7"], "192.0.2.11", "192.0.2.11");
        check(it, &["203.0.113.1, 198.51.100.7"], "192.0.2.10", "198.51.100.7");
        check(it, &["203.0.113.1", "198.51.100.7"], "192.0.2.10", "198.51.100.7");
        check(it, &["203.0.113.1, 198.51.100.7, 10.1.2.3"], "192.0.2.10", "198.51.100.7");
        check(it, &["198.51.100.7"], "::ffff:192.0.2.10", "198.51.100.7");
        check(it, &["198.51.100.7:4711"], "192.0.2.10", "198.51.100.7");
        check(it, &["[2a00::1]:4711"], "2001:db8::9", "2a00::1");
        check(it, &["10.1.2.3"], "192.0.2.10", "10.1.2.3");
    }

    #[test]
    fn what_is_not_understood_names_nobody() {
        let it = "X-Forwarded-For";
        for value in ["", "unknown", "198.51.100.7, unknown", "198.51.100.7,", "1.2.3", "198.51.100.7\u{e9}"]
        {
            check(it, &[value], "192.0.2.10", "192.0.2.10");
        }
        check(it, &[], "192.0.2.10", "192.0.2.10");
        check(it, &["198.51.100.7, x, 10.1.2.3"], "192.0.2.10", "10.1.2.3");
        // The other header is not looked at.
        let headers =
            HeaderMap::from_iter([("forwarded".parse().unwrap(), HeaderValue::from_static("for=1.2.3.4"))]);
        let peer: IpAddr = "192.0.2.10".parse().unwrap();
        assert_eq!(proxies(it).client(peer, &headers), peer);
        assert_eq!(Proxies::default().client(peer, &headers), peer, "nobody is a proxy by default");
    }

    #[test]
    fn the_standard_header_is_read_as_its_rfc_has_it() {
        let it = "Forwarded";
        for value in [
            "for=198.51.100.7",
            "For=\"198.51.100.7:4711\";proto=https;by=203.0.113.43",
            "for=203.0.113.1, proto=https;for=198.51.100.7",
            "for=198.51.100.7, for=\"[2001:db8::17]:80\"",
        ] {
            check(it, &[value], "192.0.2.10", "198.51.100.7");
        }
        for value in [
            "for=unknown",
            "for=_hidden",
            "proto=https",
            "for=198.51.100.7;for=1.2.3.4",
            "for=\"1.2.3.4",
            "for",
        ] {
            check(it, &[value], "192.0.2.10", "192.0.2.10");
        }
    }

    #[test]
    fn what_is_wrong_with_the_section_is_named() {
        let addresses = ["10.1.0.1/16", "0.0.0.0/0", "proxy.example.org", "10.0.0.0/33"].map(str::to_owned);
        let written = Written { addresses: Some(addresses.to_vec()), header: Some("Via".to_owned()) };
        let problems = Proxies::check(written).unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert_eq!(Proxies::check(Written::default()).unwrap_err().len(), 1);
    }
}
