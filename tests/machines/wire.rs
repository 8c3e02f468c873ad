//! The node protocol as the wire has it: what is answered to whom, and how a connection ends.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::{
    harness::{Account, Database, SHORT, Server, on_both_databases},
    machine::Machine,
};

on_both_databases!(
    the_first_frames_are_as_documented,
    what_a_server_does_not_take_ends_the_connection
);

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// A connection of the machine with that token.
    async fn open(server: &Server, token: &str) -> Self {
        let address = server.base().replacen("http", "ws", 1) + "/v1/node/connect";
        let mut request = address.into_client_request().expect("an address");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        let (socket, _) = connect_async(request).await.expect("it connects");
        Self(socket)
    }

    async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    async fn send(&mut self, message: Message) {
        // A server that has enough of it may have closed meanwhile.
        self.0.send(message).await.ok();
    }

    async fn hello(&mut self) -> Value {
        let hello = json!({
            "type": "hello", "versions": [1], "software": "by hand", "engine": "none", "capabilities": [],
            "instance": "1", "what nobody knows": true,
        });
        self.say(hello).await;
        self.hear().await
    }

    async fn hear(&mut self) -> Value {
        loop {
            let frame = timeout(SHORT, self.0.next()).await.expect("something is said");
            match frame.expect("the connection lasts").expect("a frame") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code that the server closes it with.
    async fn closed(&mut self) -> u16 {
        loop {
            let frame = timeout(SHORT, self.0.next()).await.expect("it is closed");
            match frame {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("{other:?} tells no reason"),
            }
        }
    }
}

/// Uses the code by hand; the token.
async fn activate(server: &Server, machine: &Machine) -> String {
    let anybody = server.client(None);
    let body = json!({ "activation_code": machine.code.to_lowercase() });
    let request = anybody.request(Method::POST, "/v1/node/activate").json(&body);
    let answer = anybody.send(request).await.expect("an answer").ok();
    assert_eq!(answer.headers["cache-control"], "no-store");
    let again = anybody.request(Method::POST, "/v1/node/activate").json(&body);
    let again = anybody.send(again).await.expect("an answer");
    again.problem(404, "activation_code_unknown");
    let token = answer.body["result"]["node_token"].as_str();
    token.expect("a token is shown").to_owned()
}

async fn the_first_frames_are_as_documented(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let machine = Machine::register(&server, &account, "laptop").await;
    let token = activate(&server, &machine).await;
    let mut socket = Socket::open(&server, &token).await;
    let welcome = socket.hello().await;
    assert_eq!(
        (&welcome["type"], &welcome["version"], &welcome["machine_id"]),
        (&json!("welcome"), &json!(1), &json!(machine.id))
    );
    assert_eq!(
        (
            &welcome["is_to_run"],
            &welcome["agents"],
            &welcome["runtime"]["account_id"]
        ),
        (&json!(true), &json!([]), &json!(account.id))
    );
    // The runtime that the activation asked for is now made, over this connection.
    let request = socket.hear().await;
    assert_eq!(
        (&request["type"], &request["call"]["do"]),
        (&json!("request"), &json!("provision"))
    );
    let observation = json!({ "status": "running", "since": "2026-01-01T00:00:00Z" });
    let outcome = json!({ "is": "observed", "observation": observation });
    socket
        .say(json!({ "type": "answer", "id": request["id"], "outcome": outcome }))
        .await;
    machine.runs(&account).await;
    let line = json!({ "kind": "logged", "agent_id": null, "level": "info", "message": "hello" });
    socket
        .say(json!({ "type": "report", "seq": 1, "report": line }))
        .await;
    loop {
        let heard = socket.hear().await;
        if heard["type"] == "ack" {
            assert_eq!(
                (&heard["seq"], &heard["verdict"]["is"]),
                (&json!(1), &json!("taken"))
            );
            break;
        }
    }
    machine.remove(&account).await;
    assert_eq!(socket.closed().await, 4401);
}

async fn what_a_server_does_not_take_ends_the_connection(database: Database) {
    let server = Server::start(&database).await;
    let account = Account::make(&server, "lab").await;
    let machine = Machine::register(&server, &account, "laptop").await;
    let token = activate(&server, &machine).await;

    let mut first = Socket::open(&server, &token).await;
    first.hello().await;
    let mut second = Socket::open(&server, &token).await;
    second.hello().await;
    assert_eq!(first.closed().await, 4409);

    second.say(json!({ "type": "dance" })).await;
    assert_eq!(second.closed().await, 4400);

    let mut binary = Socket::open(&server, &token).await;
    binary.hello().await;
    binary.send(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(binary.closed().await, 4400);

    let mut long = Socket::open(&server, &token).await;
    long.hello().await;
    long.send(Message::text("x".repeat((4 << 20) + 1))).await;
    let ended = timeout(Duration::from_secs(20), async {
        while let Some(Ok(_)) = long.0.next().await {}
    });
    assert!(ended.await.is_ok(), "too long a frame ends the connection");

    // Nobody else is disturbed by any of it.
    let mut last = Socket::open(&server, &token).await;
    assert_eq!(last.hello().await["type"], "welcome");
}
