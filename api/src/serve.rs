//! The server: accepts connections, and lets them finish when it drains.

use std::{io, pin::pin, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

use crate::client::Peer;

/// How long a client may take nothing of what is sent before it alone is cut off.
const STUCK: Duration = Duration::from_secs(30);
/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_WITHIN: Duration = Duration::from_mins(1);
/// How long requests under way may go on when the server drains.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// After an accept that failed: most often too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is cancelled, then lets requests under way finish, for at most ten seconds.
/// Whether all of them could is told.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> bool {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .pipeline_flush(true);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if let Err(error) = tune(&stream) {
            tracing::debug!(%error, "a connection was gone at once");
            continue;
        }
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            // A router is always ready, so it need not be asked.
            router.clone().call(request)
        });
        // One that becomes a WebSocket leaves this count; whoever serves it sees to its end.
        let connection = http
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let draining = shutdown.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = draining.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection ended");
            }
        });
    }
    // Nobody new is let in while the others finish.
    drop(listener);
    connections.close();
    tokio::time::timeout(DRAIN_WITHIN, connections.wait())
        .await
        .is_ok()
}

/// Small answers leave at once; a client that takes nothing does not hold its buffers for ever.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_user_timeout(Some(STUCK))?;
    Ok(())
}

#[cfg(test)]
mod tests;
