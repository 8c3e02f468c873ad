//! Bytes that are no HTTP, or HTTP that is meant to confuse: refused, and nothing else is harmed.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::stage::Stage;
use crate::harness::{Database, SHORT};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_are_refused() {
    let stage = Stage::on(&Database::sqlite()).await;
    let address = stage.server.base().trim_start_matches("http://").to_owned();
    let key = stage.client().key();
    let post = |headers: &str, body: &str| {
        format!(
            "POST /v1/commands/CreatePolicy HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n{headers}\r\n{body}"
        )
    };
    let many = (0..2_000).fold(String::new(), |all, number| {
        format!("{all}X-Header-{number}: 1\r\n")
    });
    let requests = [
        "\u{0}\u{1}\u{2}\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1 << 20)),
        format!(
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n",
            "a".repeat(1 << 20)
        ),
        post(&many, ""),
        post("Content-Length: banana\r\n", "{}"),
        post("Content-Length: -5\r\n", "{}"),
        post("Content-Length: 2\r\nContent-Length: 200\r\n", "{}"),
        post(
            "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n",
            "zz\r\n{}\r\n",
        ),
        post("Bad Header: 1\r\n", "{}"),
        post("X-Bytes: \u{1}\r\n", "{}"),
    ];
    for request in requests {
        let shown: String = request.chars().take(60).collect();
        let status = first_status(&address, request.as_bytes()).await;
        assert!(
            status.is_none_or(|status| (400..500).contains(&status)),
            "{shown:?}: {status:?}"
        );
    }
    // A body that never comes whole is no command.
    let before = stage.client().list("policies", "").await.len();
    let cut = post(
        "Content-Type: application/json\r\nContent-Length: 500\r\n",
        "{\"name\":\"cut\",\"rules\":\"ALLOW: read\"}",
    );
    let mut socket = TcpStream::connect(&address).await.expect("the server listens");
    socket.write_all(cut.as_bytes()).await.expect("it is taken");
    drop(socket);
    stage.still_serves().await;
    assert_eq!(
        stage.client().list("policies", "").await.len(),
        before + 1,
        "only the one that still_serves made"
    );
}

/// The status of the first answer; `None` if the connection is closed without one.
async fn first_status(address: &str, request: &[u8]) -> Option<u16> {
    let mut socket = TcpStream::connect(address).await.expect("the server listens");
    // The server may close before it has read everything.
    socket.write_all(request).await.ok();
    socket.shutdown().await.ok();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(SHORT, socket.read_to_end(&mut answer)).await;
    read.unwrap_or_else(|_| {
        panic!(
            "neither answered nor closed: {}",
            String::from_utf8_lossy(&answer)
        )
    })
    .ok();
    let text = String::from_utf8_lossy(&answer);
    text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}
