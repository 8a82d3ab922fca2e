//! A TLS listener: accepts, shakes hands, and serves one router per connection, bounded in number and time.
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
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
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
    tls: TlsAcceptor,
    slots: Arc<Semaphore>,
    metrics: Metrics,
    unread: Duration,
}

impl Listener {
    /// Binds the address; takes so many connections at once.
    pub async fn bind(
        name: &'static str,
        address: SocketAddr,
        tls: ServerConfig,
        connections: usize,
        metrics: Metrics,
    ) -> io::Result<Self> {
        Ok(Self {
            name,
            tcp: TcpListener::bind(address).await?,
            tls: TlsAcceptor::from(Arc::new(tls)),
            slots: Arc::new(Semaphore::new(connections)),
            metrics,
            unread: bounds::UNREAD,
        })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stopped` ends. `route` picks a connection's router by what its handshake proved.
    pub async fn serve(
        self,
        route: impl Fn(&rustls::ServerConnection) -> Router + Clone + Send + 'static,
        stopped: impl Future<Output = ()>,
    ) {
        let open = Arc::new(GracefulShutdown::new());
        tokio::pin!(stopped);
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = &mut stopped => break,
            };
            match accepted {
                Ok((stream, peer, slot)) => {
                    let (tls, metrics) = (self.tls.clone(), self.metrics.clone());
                    let connection =
                        serve_one(self.name, tls, (stream, peer), slot, route.clone(), &open, metrics);
                    tokio::spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.tcp);
        if let Some(open) = Arc::into_inner(open) {
            let _ = tokio::time::timeout(bounds::SHUTDOWN, open.shutdown()).await;
        }
    }

    async fn accept(&self) -> io::Result<(Impatient<TcpStream>, Peer, OwnedSemaphorePermit)> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, peer) = self.tcp.accept().await?;
        stream.set_nodelay(true)?;
        // Beneath TLS, which takes some of what is written itself.
        Ok((Impatient::within(self.unread, stream), Peer(peer.ip()), slot))
    }
}

fn serve_one(
    name: &'static str,
    tls: TlsAcceptor,
    (stream, peer): (Impatient<TcpStream>, Peer),
    slot: OwnedSemaphorePermit,
    route: impl Fn(&rustls::ServerConnection) -> Router + Send + 'static,
    open: &GracefulShutdown,
    metrics: Metrics,
) -> impl Future<Output = ()> + Send + 'static {
    let watcher = open.watcher();
    async move {
        let _slot = slot;
        let stream: TlsStream<Impatient<TcpStream>> =
            match tokio::time::timeout(bounds::HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::info!(listener = name, %error, "a TLS handshake failed");
                    return;
                }
                Err(_) => {
                    tracing::info!(listener = name, "a TLS handshake took too long");
                    return;
                }
            };
        if stream.get_ref().1.alpn_protocol() == Some(acme::PROTOCOL) {
            // The handshake was all that it came for (RFC 8737, section 3).
            tracing::info!(listener = name, "an ACME server has looked at a challenge");
            return;
        }
        let router =
            route(stream.get_ref().1).layer(axum::middleware::from_fn(move |mut request: Request, next| {
                request.extensions_mut().insert(peer);
                within_time(name, metrics.clone(), request, next)
            }));
        let service = TowerToHyperService::new(router);
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds::REQUEST_HEAD)
            .max_buf_size(bounds::REQUEST_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(listener = name, %error, "a connection ended badly");
        }
    }
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
    use tokio_rustls::{TlsConnector, client};

    use super::*;

    /// An answer without an end.
    struct Endless;

    impl futures_core::Stream for Endless {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(Some(Ok(Bytes::from_static(&[b'x'; 16 * 1024]))))
        }
    }

    async fn ask(connector: &TlsConnector, to: SocketAddr, path: &str) -> client::TlsStream<TcpStream> {
        let tcp = TcpStream::connect(to).await.unwrap();
        let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn who_reads_nothing_of_an_answer_loses_the_connection() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            ServerConfig::builder_with_provider(Arc::clone(&ring)).with_safe_default_protocol_versions();
        let tls = tls.unwrap().with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key);
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        // Room for one: the second is let in when the first is gone.
        let mut listener = Listener::bind("test", here, tls.unwrap(), 1, Metrics::default()).await.unwrap();
        listener.unread = Duration::from_millis(200);
        let address = listener.address().unwrap();
        let router = Router::new()
            .route("/endless", get(|| async { Body::from_stream(Endless) }))
            .route("/short", get(|| async { "read" }));
        tokio::spawn(listener.serve(move |_| router.clone(), std::future::pending()));

        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(client));
        let _reads_nothing = ask(&connector, address, "/endless").await;
        let mut said = String::new();
        let after_it = async { ask(&connector, address, "/short").await.read_to_string(&mut said).await };
        // Without the limit it would wait for ever.
        tokio::time::timeout(bounds::REQUEST, after_it).await.expect("nobody is let in").unwrap();
        assert!(said.ends_with("read"), "{said}");
    }
}
