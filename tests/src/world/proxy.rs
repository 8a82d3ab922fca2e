//! A piece of network between an appliance and the hub, to be cut, also in the middle of a request.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

/// Forwards every connection to its `address` on to another.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    wire: Arc<Wire>,
}

struct Wire {
    from: Option<IpAddr>,
    to: SocketAddr,
    whole: AtomicBool,
    /// Bytes that still pass towards the hub before the wire breaks; `u64::MAX` for no end.
    forth: AtomicU64,
    /// The same for bytes from the hub.
    back: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    passed: Mutex<Vec<u8>>,
}

impl Proxy {
    /// A whole wire to `to`.
    pub fn start(to: SocketAddr) -> Result<Self> {
        Self::start_from(None, to)
    }

    /// The same, whose end at the hub has that address of loopback.
    pub fn start_from(from: Option<IpAddr>, to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let wire = Arc::new(Wire {
            from,
            to,
            whole: AtomicBool::new(true),
            forth: AtomicU64::new(u64::MAX),
            back: AtomicU64::new(u64::MAX),
            open: Mutex::default(),
            passed: Mutex::default(),
        });
        let accepting = Arc::clone(&wire);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let wire = Arc::clone(&accepting);
                thread::spawn(move || wire.forward(stream));
            }
        });
        Ok(Self { address, wire })
    }

    /// Cuts every connection now and lets none through.
    pub fn cut(&self) {
        self.wire.whole.store(false, Ordering::SeqCst);
        self.wire.break_all();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.wire.forth.store(u64::MAX, Ordering::SeqCst);
        self.wire.back.store(u64::MAX, Ordering::SeqCst);
        self.wire.whole.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection once so many more bytes have gone towards the hub.
    pub fn cut_after(&self, bytes: u64) {
        self.wire.forth.store(bytes, Ordering::SeqCst);
    }

    /// Cuts every connection once so many more bytes have come from the hub.
    pub fn cut_answers_after(&self, bytes: u64) {
        self.wire.back.store(bytes, Ordering::SeqCst);
    }

    /// All that went towards the hub, as it was on the wire.
    pub fn passed(&self) -> Vec<u8> {
        self.wire.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A connection that comes from an address, which the standard library does not choose.
fn connect(from: Option<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(to) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        socket.connect(to).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

impl Wire {
    fn forward(self: &Arc<Self>, stream: TcpStream) {
        if !self.whole.load(Ordering::SeqCst) {
            return;
        }
        let Ok(onward) = connect(self.from, self.to) else { return };
        let (Ok(back), Ok(forth)) = (onward.try_clone(), stream.try_clone()) else { return };
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.extend([stream.try_clone(), onward.try_clone()].into_iter().flatten());
        }
        let wire = Arc::clone(self);
        thread::spawn(move || wire.pump(back, forth, false));
        self.pump(stream, onward, true);
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, towards_hub: bool) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let passes = spend(if towards_hub { &self.forth } else { &self.back }, read);
            if towards_hub {
                self.passed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&buffer[..passes]);
            }
            if to.write_all(&buffer[..passes]).is_err() {
                break;
            }
            if passes < read {
                self.whole.store(false, Ordering::SeqCst);
                self.break_all();
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn break_all(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// How many of these bytes a budget still lets through.
fn spend(budget: &AtomicU64, bytes: usize) -> usize {
    let wanted = bytes as u64;
    let had = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |budget| {
        Some(if budget == u64::MAX { budget } else { budget.saturating_sub(wanted) })
    });
    match had {
        Ok(had) if had < wanted => usize::try_from(had).unwrap_or(bytes),
        _ => bytes,
    }
}
