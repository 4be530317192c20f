//! The server: connections, their bounds, and a prompt end.

pub(crate) mod house;
mod pinned;
mod socket;
pub(crate) mod tls;
mod watched;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use axum::{Router, http::request::Parts};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::house::{Guest, Place, Reason, Seat};
use self::watched::{Answer, REQUEST_TIME, Watched};
use crate::access::{Peer, network};
use crate::guard::MAX_BODY;
use crate::problem::ApiError;
use crate::quiet;
use crate::settings::Settings;
use crate::state::ApiState;

pub use self::pinned::connect_pinned;
pub use self::socket::{BoundProxySocket, ProxySocket};
pub use self::tls::{CertificateError, Certificates};

/// Octets of a request's head, and of what is buffered of an answer.
const BUFFER: usize = 64 * 1024;
/// How long requests under way may take to end after the shutdown has begun.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);
/// How long to wait when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where clients come in.
#[derive(Debug)]
pub struct Doors {
    /// For everybody; with TLS where the settings have certificates.
    pub tcp: TcpListener,
    /// For the proxy alone.
    pub proxy: Option<ProxySocket>,
}

impl From<TcpListener> for Doors {
    fn from(tcp: TcpListener) -> Self {
        Self { tcp, proxy: None }
    }
}

/// Serves the API until `shutdown` is ready. Then live streams end at once, requests under way may end
/// within 5 s, and all connections are closed.
pub async fn serve(doors: impl Into<Doors>, state: ApiState, shutdown: impl Future<Output = ()>) {
    let doors = doors.into();
    let graceful = GracefulShutdown::new();
    let server = Server { router: crate::router(state.clone()), state: state.clone() };
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let came = tokio::select! {
            () = &mut shutdown => break,
            came = doors.next() => came,
        };
        let (stream, peer) = match came {
            Ok(came) => came,
            Err(error) if is_the_clients(&error) => continue,
            Err(error) => {
                quiet::warn("accept", || format!("cannot accept a connection: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let guest = guest(state.settings(), peer);
        if let Stream::Unix(stream) = &stream
            && !doors.proxy.as_ref().is_some_and(|door| door.admits(stream))
        {
            state.house().count(Reason::NotTheProxy);
            continue;
        }
        // Whoever is refused is hung up on: an answer would be work, too.
        let Ok(place) = state.house().admit(guest, Instant::now()) else { continue };
        let (server, watcher) = (server.clone(), graceful.watcher());
        connections.spawn(server.connection(stream, peer, Arc::new(place), watcher));
    }
    drop(doors);
    state.stop_streams();
    if timeout(SHUTDOWN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("api: requests were still under way {SHUTDOWN_TIME:?} after the end began");
    }
    connections.shutdown().await;
}

/// A connection that has come.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Doors {
    async fn next(&self) -> io::Result<(Stream, Peer)> {
        let by_proxy = async {
            match &self.proxy {
                Some(door) => door.accept().await,
                None => pending().await,
            }
        };
        tokio::select! {
            came = self.tcp.accept() => {
                let (stream, peer) = came?;
                // Small answers should not wait for more to come.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("api: nodelay: {error}");
                }
                Ok((Stream::Tcp(stream), Peer::plain(peer.ip())))
            }
            came = by_proxy => Ok((Stream::Unix(came?), Peer::proxy_socket())),
        }
    }
}

/// Whose bounds hold for a connection.
fn guest(settings: &Settings, peer: Peer) -> Guest {
    let proxy = settings.access.proxy.as_ref();
    let address = peer.address.to_canonical();
    match () {
        () if peer == Peer::proxy_socket() => Guest::Proxy,
        () if address.is_loopback() => Guest::Local,
        () if proxy.is_some_and(|proxy| proxy.may_be_at(address)) => Guest::Proxy,
        () => Guest::Address(network(address)),
    }
}

/// Errors of one connection that ended before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What every connection needs.
#[derive(Clone)]
struct Server {
    router: Router,
    state: ApiState,
}

impl Server {
    async fn connection(self, stream: Stream, peer: Peer, place: Arc<Place>, watcher: Watcher) {
        let certificates = self.state.settings().certificates.clone();
        match (stream, certificates) {
            (Stream::Unix(stream), _) => self.serve(stream, peer, place, watcher).await,
            (Stream::Tcp(stream), None) => self.serve(stream, peer, place, watcher).await,
            (Stream::Tcp(stream), Some(certificates)) => {
                let handshake = timeout(REQUEST_TIME, certificates.acceptor().accept(stream));
                let shaken = tokio::select! {
                    shaken = handshake => shaken.ok().and_then(Result::ok),
                    () = place.seat.must_leave() => return,
                };
                match shaken {
                    Some(stream) => {
                        let peer = Peer::tls(peer.address);
                        self.serve(stream, peer, place, watcher).await;
                    }
                    None => place.count(Reason::Handshake),
                }
            }
        }
    }

    async fn serve<S>(self, stream: S, peer: Peer, place: Arc<Place>, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let seat = place.seat.clone();
        let service = TowerToHyperService::new(self.router);
        let own = seat.clone();
        let service =
            service_fn(move |request| answer(request, peer, own.clone(), service.clone()));
        let stream = TokioIo::new(Watched::new(stream, place));
        // Time limits are the stream's.
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            .serve_connection(stream, service);
        let connection = watcher.watch(connection);
        tokio::select! {
            // Clients that vanish or talk nonsense are no concern of the log.
            ended = connection => if let Err(error) = ended {
                tracing::debug!("api: connection: {error}");
            },
            () = seat.must_leave() => {}
        }
    }
}

/// One answer. Its connection is at work from when the request is there, its body included.
async fn answer(
    request: Request<Incoming>,
    peer: Peer,
    seat: Arc<Seat>,
    service: TowerToHyperService<Router>,
) -> Result<Response<Answer>, Infallible> {
    let request = whole(request).await;
    seat.works();
    let response = match request {
        Ok(mut request) => {
            request.extensions_mut().insert(peer);
            service.call(request).await?
        }
        Err(error) => error.into_response(),
    };
    Ok(response.map(|body| Answer::new(body, seat)))
}

/// The request with its body, which is small. One that says that it is too large is refused unread, as all
/// are ([`crate::guard::admit`]).
async fn whole(request: Request<Incoming>) -> Result<Request<Body>, ApiError> {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() || says_too_large(&parts) {
        return Ok(Request::from_parts(parts, Body::new(body)));
    }
    let limit = usize::try_from(MAX_BODY).unwrap_or(usize::MAX);
    let body = to_bytes(Body::new(body), limit).await;
    let body = body.map_err(|_| ApiError::BodyTooLarge { limit: MAX_BODY })?;
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn says_too_large(parts: &Parts) -> bool {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > MAX_BODY)
}
