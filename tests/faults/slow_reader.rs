//! A feed client that reads nothing is cut off alone: it holds up neither commands nor other clients.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Account, Database, Heard, OPERATOR_KEY, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_cut_off_alone() {
    let server = Server::start(&Database::sqlite()).await;
    let account = Account::make(&server, "aquarium").await;
    let address = server.base().trim_start_matches("http://").to_owned();
    let mut slow = TcpStream::connect(&address).await.expect("the server listens");
    let request = format!(
        "GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {OPERATOR_KEY}\r\n\r\n"
    );
    slow.write_all(request.as_bytes())
        .await
        .expect("the request is taken");
    let mut quick = server.operator().follow(0).await;

    // Far more than the buffers between the two can hold.
    let rules = "ALLOW: read\n".repeat(700);
    let mut position = 0;
    for number in 0..2_500 {
        let body = json!({ "name": format!("policy {number}"), "rules": rules });
        position = account.client.command("CreatePolicy", body).await.ok().position();
    }
    let heard = quick.up_to(position).await;
    let positions: Vec<u64> = heard.iter().map(Heard::position).collect();
    assert_eq!(positions, (1..=position).collect::<Vec<_>>());

    let mut read = Vec::new();
    // The end may come as a reset; what was sent before is lost to nobody but this client.
    slow.read_to_end(&mut read).await.ok();
    let text = String::from_utf8_lossy(&read);
    assert!(
        text.starts_with("HTTP/1.1 200"),
        "{}",
        &text[..text.len().min(200)]
    );
    assert!(
        !text.contains(&format!("\nid: {position}\n")),
        "it was served to the end"
    );
}
