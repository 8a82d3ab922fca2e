//! A listener: accepts, shakes hands where it speaks TLS, and serves one router per connection, bounded in number and
//! time.
//!
//! What must stay true: a slow or silent client holds up nobody else, and neither does one that reads nothing; a shutdown
//! ends every connection within [`bounds::SHUTDOWN`].

mod impatient;

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_core::Stream as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::acme;
use crate::bounds;
use crate::metrics::Metrics;
use crate::problem::{ApiProblem, Code};
use impatient::Impatient;

/// Where a request's connection is from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// One listener.
pub struct Listener {
    name: &'static str,
    tcp: TcpListener,
    slots: Arc<Semaphore>,
    metrics: Metrics,
    head: Duration,
    unread: Duration,
}

impl Listener {
    /// Binds the address; takes so many connections at once.
    pub async fn bind(
        name: &'static str,
        address: SocketAddr,
        connections: usize,
        metrics: Metrics,
    ) -> io::Result<Self> {
        Ok(Self {
            name,
            tcp: TcpListener::bind(address).await?,
            slots: Arc::new(Semaphore::new(connections)),
            metrics,
            head: bounds::REQUEST_HEAD,
            unread: bounds::UNREAD,
        })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves over TLS until `stopped` ends. `route` picks a connection's router by what its handshake proved.
    pub async fn serve(
        self,
        tls: ServerConfig,
        route: impl Fn(&rustls::ServerConnection) -> Router + Clone + Send + 'static,
        stopped: impl Future<Output = ()>,
    ) {
        let (name, tls) = (self.name, TlsAcceptor::from(Arc::new(tls)));
        let opened = move |stream| {
            let (tls, route) = (tls.clone(), route.clone());
            async move {
                let stream = shaken(name, &tls, stream).await?;
                let router = route(stream.get_ref().1);
                Some((stream, router))
            }
        };
        self.serve_each(opened, stopped).await;
    }

    /// Serves without TLS until `stopped` ends: for what is read on this machine alone.
    pub async fn serve_bare(self, router: Router, stopped: impl Future<Output = ()>) {
        let opened = move |stream| std::future::ready(Some((stream, router.clone())));
        self.serve_each(opened, stopped).await;
    }

    /// Serves each connection with what `opened` makes of it, if anything.
    async fn serve_each<S, F>(
        self,
        opened: impl Fn(Impatient<TcpStream>) -> F,
        stopped: impl Future<Output = ()>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<(S, Router)>> + Send + 'static,
    {
        let open = GracefulShutdown::new();
        let Self { name, head, .. } = self;
        tokio::pin!(stopped);
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = &mut stopped => break,
            };
            match accepted {
                Ok((stream, peer, slot)) => {
                    let (opening, metrics, watcher) = (opened(stream), self.metrics.clone(), open.watcher());
                    tokio::spawn(async move {
                        let _slot = slot;
                        if let Some((stream, router)) = opening.await {
                            let router = within_bounds(name, router, peer, metrics);
                            serve_one(name, stream, router, head, watcher).await;
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(listener = name, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.tcp);
        let _ = tokio::time::timeout(bounds::SHUTDOWN, open.shutdown()).await;
    }

    async fn accept(&self) -> io::Result<(Impatient<TcpStream>, Peer, OwnedSemaphorePermit)> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, peer) = self.tcp.accept().await?;
        stream.set_nodelay(true)?;
        // Beneath TLS, which takes some of what is written itself.
        Ok((Impatient::within(self.unread, stream), Peer(peer.ip()), slot))
    }
}

/// A connection whose handshake came to its end in time; `None` where there is nothing more to serve.
async fn shaken(
    name: &'static str,
    tls: &TlsAcceptor,
    stream: Impatient<TcpStream>,
) -> Option<TlsStream<Impatient<TcpStream>>> {
    let stream = match tokio::time::timeout(bounds::HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::info!(listener = name, %error, "a TLS handshake failed");
            return None;
        }
        Err(_) => {
            tracing::info!(listener = name, "a TLS handshake took too long");
            return None;
        }
    };
    if stream.get_ref().1.alpn_protocol() == Some(acme::PROTOCOL) {
        // The handshake was all that it came for (RFC 8737, section 3).
        tracing::info!(listener = name, "an ACME server has looked at a challenge");
        return None;
    }
    Some(stream)
}

async fn serve_one(
    name: &'static str,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    head: Duration,
    watcher: Watcher,
) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(bounds::REQUEST_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(listener = name, %error, "a connection ended badly");
    }
}

/// A router that knows where its connection is from, and whose requests are counted and end in time.
fn within_bounds(name: &'static str, router: Router, peer: Peer, metrics: Metrics) -> Router {
    router.layer(axum::middleware::from_fn(move |mut request: Request, next| {
        request.extensions_mut().insert(peer);
        within_time(name, metrics.clone(), request, next)
    }))
}

/// The paths of files' bytes: they come for as long as they come, within bounds of their own, and are not held.
pub const STREAMED: &str = "/uploads/";

/// Ends a request that takes longer than any wait it may ask for: a body that trickles in, a ledger that hangs.
async fn within_time(name: &'static str, metrics: Metrics, request: Request, next: Next) -> Response {
    let began = Instant::now();
    if request.uri().path().starts_with(STREAMED) {
        let response = next.run(request).await;
        metrics.answered(name, response.status().as_u16(), began);
        return response;
    }
    let response = match tokio::time::timeout(bounds::REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiProblem::new(Code::TooSlow, "The request took longer than a minute.").into_response(),
    };
    metrics.answered(name, response.status().as_u16(), began);
    response
}

/// Reads a request's body up to `limit` bytes. A larger one is read to its end, up to [`bounds::DISCARD_BYTES`], only
/// so that the client, still sending, hears the refusal instead of a broken connection.
pub async fn bounded_body(State(limit): State<usize>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(STREAMED) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let mut read = Vec::new();
    loop {
        match poll_fn(|context| Pin::new(&mut stream).poll_next(context)).await {
            None => return next.run(Request::from_parts(head, Body::from(read))).await,
            Some(Err(_)) => {
                return ApiProblem::new(Code::CutShort, "The request's body broke off.").into_response();
            }
            Some(Ok(chunk)) if read.len() + chunk.len() <= limit => read.extend_from_slice(&chunk),
            Some(Ok(_)) => break,
        }
    }
    discard(&mut stream).await;
    let detail = format!("at most {limit} bytes are taken here; a question has at most 10,240 characters");
    ApiProblem::new(Code::TooLarge, "The request is too large.").detail(detail).into_response()
}

/// Reads what is left of a body, up to [`bounds::DISCARD_BYTES`], so that its sender hears the answer.
pub async fn discard(stream: &mut BodyDataStream) {
    let mut discarded = 0;
    while discarded < bounds::DISCARD_BYTES {
        let next = poll_fn(|context| Pin::new(&mut *stream).poll_next(context));
        match tokio::time::timeout(bounds::UPLOAD_IDLE, next).await {
            Ok(Some(Ok(chunk))) => discarded += chunk.len(),
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Poll;

    use axum::body::Bytes;
    use axum::routing::get;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::*;

    /// An answer without an end.
    struct Endless;

    impl futures_core::Stream for Endless {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(Some(Ok(Bytes::from_static(&[b'x'; 16 * 1024]))))
        }
    }

    /// A listener with room for one, that is soon impatient, and its address.
    async fn listener() -> (Listener, SocketAddr) {
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listener = Listener::bind("test", here, 1, Metrics::default()).await.unwrap();
        (listener.head, listener.unread) = (Duration::from_millis(200), Duration::from_millis(200));
        let address = listener.address().unwrap();
        (listener, address)
    }

    fn router() -> Router {
        Router::new()
            .route("/endless", get(|| async { Body::from_stream(Endless) }))
            .route("/short", get(|| async { "read" }))
    }

    async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, path: &str) -> S {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// What the next one hears, who is let in when the one before is gone.
    async fn next_hears(stream: impl Future<Output = impl AsyncRead + AsyncWrite + Unpin>) -> String {
        let mut said = String::new();
        let after_it = async { ask(stream.await, "/short").await.read_to_string(&mut said).await };
        // Without a limit it would wait for ever.
        tokio::time::timeout(bounds::REQUEST, after_it).await.expect("nobody is let in").unwrap();
        said
    }

    #[tokio::test]
    async fn who_reads_nothing_of_an_answer_loses_the_connection() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            ServerConfig::builder_with_provider(Arc::clone(&ring)).with_safe_default_protocol_versions();
        let tls = tls.unwrap().with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key);
        let (listener, address) = listener().await;
        tokio::spawn(listener.serve(tls.unwrap(), move |_| router(), std::future::pending()));

        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(client));
        let connect = || async {
            let tcp = TcpStream::connect(address).await.unwrap();
            connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap()
        };
        let _reads_nothing = ask(connect().await, "/endless").await;
        let said = next_hears(connect()).await;
        assert!(said.ends_with("read"), "{said}");
    }

    #[tokio::test]
    async fn without_tls_who_reads_or_says_nothing_loses_the_connection_too() {
        let (listener, address) = listener().await;
        tokio::spawn(listener.serve_bare(router(), std::future::pending()));
        let connect = || async { TcpStream::connect(address).await.unwrap() };
        let _says_nothing = connect().await;
        let _reads_nothing = ask(connect().await, "/endless").await;
        let mut keeps_it = connect().await;
        keeps_it.write_all(b"GET /short HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let said = next_hears(connect()).await;
        assert!(said.ends_with("read"), "{said}");
    }
}
