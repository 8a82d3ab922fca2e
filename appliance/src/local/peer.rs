//! Whose account a connection over loopback comes from, as the kernel says in `/proc/net/tcp`.
//!
//! A session of the local console is good for the account that came in with it alone. So a cookie that another account
//! gets hold of (browsers send cookies to every port of a host) is worth nothing to it.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr};

/// The account (user id) of the process at the other end; `None` where the kernel does not say.
///
/// The kernel takes its time over a table of many connections, so it is read beside the one thread that serves pages.
pub async fn owner_of(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let file = if peer.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let read = tokio::task::spawn_blocking(move || owner_in(&fs::read_to_string(file).ok()?, peer, own));
    read.await.ok().flatten()
}

/// Seen from the other end, its own address is the local one.
fn owner_in(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let (peer, own) = (written(peer), written(own));
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let found = words.next()? == peer && words.next()? == own;
        // Then: state, queues, timer, retransmits, account.
        if found { words.nth(4)?.parse().ok() } else { None }
    })
}

/// An address as the kernel writes it: hexadecimal, each four bytes as a number of this machine.
fn written(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (words, _) = bytes.as_chunks::<4>();
    let mut text = String::new();
    for word in words {
        write!(text, "{:08X}", u32::from_ne_bytes(*word)).expect("a String takes it all");
    }
    write!(text, ":{:04X}", address.port()).expect("a String takes it all");
    text
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_connection_of_our_own_is_our_own_accounts_and_pages_go_on_while_the_table_is_read() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let _inside = runtime.enter();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let own = listener.local_addr().unwrap();
            let client = TcpStream::connect(own).unwrap();
            let (go, wait) = mpsc::channel::<()>();
            // Whatever reads files has to wait for this.
            let busy = tokio::task::spawn_blocking(move || wait.recv());
            let mut owner = pin!(owner_of(client.local_addr().unwrap(), own));
            assert!(owner.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            drop(go);
            assert_eq!(runtime.block_on(owner), Some(rustix::process::getuid().as_raw()), "{address}");
            runtime.block_on(busy).unwrap().unwrap_err();
        }
    }

    #[test]
    fn a_connection_that_is_not_in_the_table_is_nobodys() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   \
                     0: 0100007F:C001 0100007F:2120 01 00000000:00000000 00:00000000 00000000  1005 0 1\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(owner_in(table, at(0xC001), at(0x2120)), Some(1_005));
        assert_eq!(owner_in(table, at(0xC002), at(0x2120)), None);
        assert_eq!(owner_in(table, at(0xC001), at(0x2121)), None);
        assert_eq!(owner_in("garbage\nof a line", at(1), at(2)), None);
    }
}
