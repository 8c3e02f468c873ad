//! The server over real sockets: it drains, and lets nobody wait for nothing.

use std::{net::SocketAddr, time::Duration};

use axum::routing::get;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::oneshot,
    task::JoinHandle,
};

use super::*;

async fn start(router: Router) -> (SocketAddr, CancellationToken, JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    (
        address,
        shutdown.clone(),
        tokio::spawn(serve(listener, router, shutdown)),
    )
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: reef\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream
}

async fn whole(mut stream: TcpStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text))
        .await
        .unwrap()
        .unwrap();
    text
}

#[tokio::test]
async fn requests_under_way_finish_and_nobody_new_is_let_in() {
    let (entered, has_entered) = oneshot::channel::<()>();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let gates = std::sync::Arc::new(parking_lot::Mutex::new(Some((entered, may_go_on))));
    let slow = move || async move {
        let (entered, may_go_on) = gates.lock().take().expect("asked once");
        entered.send(()).unwrap();
        may_go_on.await.unwrap();
        "finished"
    };
    let (address, shutdown, server) = start(Router::new().route("/slow", get(slow))).await;
    let asked = ask(address, "/slow").await;
    has_entered.await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(20), async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the listener closes");
    go_on.send(()).unwrap();
    assert!(whole(asked).await.ends_with("finished"));
    assert!(server.await.unwrap(), "everybody could finish");
}

#[tokio::test]
async fn idle_connections_do_not_hold_a_drain_up() {
    let (address, shutdown, server) = start(Router::new().route("/", get(|| async { "hello" }))).await;
    let mut idle = ask(address, "/").await;
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    shutdown.cancel();
    assert!(
        tokio::time::timeout(Duration::from_secs(5), server)
            .await
            .unwrap()
            .unwrap()
    );
}

#[tokio::test]
async fn the_peer_is_told_to_handlers() {
    let seen = |request: Request| async move {
        format!("{:?}", request.extensions().get::<Peer>().map(|peer| peer.0.ip()))
    };
    let (address, shutdown, server) = start(Router::new().route("/", get(seen))).await;
    let asked = ask(address, "/").await;
    let mut text = [0; 4096];
    let mut asked = asked;
    let count = asked.read(&mut text).await.unwrap();
    assert!(String::from_utf8_lossy(&text[..count]).ends_with("Some(127.0.0.1)"));
    shutdown.cancel();
    server.await.unwrap();
}
