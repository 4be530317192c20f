//! The server: connections, their bounds, and a prompt end.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::auth::Peer;
use crate::state::ApiState;

/// Connections at the same time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// How long a client may take to send a request's headers, and a connection may be idle.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long requests under way may take to end after the shutdown has begun.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);
/// How long to wait when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the API on a bound listener until `shutdown` is ready. Then live streams end at once,
/// requests under way may end within 5 s, and all connections are closed.
pub async fn serve(listener: TcpListener, state: ApiState, shutdown: impl Future<Output = ()>) {
    let router = crate::router(state.clone());
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, peer, place) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let service = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            service.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // Clients that vanish or talk nonsense are no concern of the log.
            if let Err(error) = connection.await {
                tracing::debug!("api: connection: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    state.stop_streams();
    if tokio::time::timeout(SHUTDOWN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("api: requests were still under way {SHUTDOWN_TIME:?} after the end began");
    }
    connections.shutdown().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, IpAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so that there always is a permit.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers should not wait for more to come.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("api: nodelay: {error}");
                }
                return (stream, peer.ip(), place);
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::warn!("api: cannot accept a connection: {error}; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors of one connection that ended before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
