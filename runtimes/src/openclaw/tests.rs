//! Specs against a gateway that is played from recorded frames.

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use super::*;

/// The gateway's side.
struct Played {
    listener: TcpListener,
}

struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next call, as method and parameters; it is answered with `payload`.
    async fn hear(&mut self, payload: Value) -> (String, Value) {
        let text = loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                break text;
            }
        };
        let call: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(call["type"], "req");
        self.say(json!({ "type": "res", "id": call["id"], "ok": true, "payload": payload }))
            .await;
        (
            call["method"].as_str().unwrap().to_owned(),
            call["params"].clone(),
        )
    }

    async fn asks(&mut self, request: &Value) {
        self.say(
            json!({ "type": "event", "event": "exec.approval.requested", "payload": request, "seq": 1 }),
        )
        .await;
    }
}

impl Played {
    async fn new() -> (Self, Arc<Gateway>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = Gateway::connect(GatewayConfig {
            base: format!("http://{}", listener.local_addr().unwrap()),
            token: Zeroizing::new("claw".to_owned()),
        });
        (Self { listener }, gateway)
    }

    /// Takes the next connection through the greeting; these wait already.
    async fn greet(&self, scopes: Value, waiting: Value) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut peer = Peer(accept_async(stream).await.unwrap());
        peer.say(
            json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1 } }),
        )
        .await;
        let welcome = json!({ "type": "hello-ok", "protocol": 4, "auth": { "scopes": scopes } });
        let (method, params) = peer.hear(welcome).await;
        assert_eq!(method, "connect");
        assert_eq!(params["auth"]["token"], "claw");
        if waiting.is_array() {
            assert_eq!(peer.hear(waiting).await.0, "exec.approval.list");
        }
        peer
    }
}

fn rights() -> Value {
    json!(["operator.admin", "operator.approvals"])
}

fn request(id: &str, session: &str) -> Value {
    json!({
        "approvalKind": "exec", "id": id, "expiresAtMs": 1_795_332_227_722_u64,
        "request": { "command": "uname -s", "cwd": "/claw", "host": "gateway", "agentId": "main", "sessionKey": session },
    })
}

#[tokio::test]
async fn a_command_goes_to_whoever_watches_its_session_and_the_decision_goes_back() {
    let (played, gateway) = Played::new().await;
    let mut watch = gateway.watch("task", "task_AbC");
    let mut peer = played.greet(rights(), json!([])).await;
    gateway.ready().await.unwrap();
    assert_eq!(gateway.trouble(), None);
    let session = format!("agent:main:openai-user:{}", watch.session().to_lowercase());
    peer.asks(&request("r1", &session)).await;
    // Told again, as after a new connection.
    peer.asks(&request("r1", &session)).await;
    peer.asks(&request("r2", &session)).await;
    let asked = watch.next().await;
    assert_eq!(
        (asked.id.as_str(), asked.command.as_str(), asked.folder.as_str()),
        ("r1", "uname -s", "/claw")
    );
    assert_eq!(watch.next().await.id, "r2");
    let (decided, heard) = tokio::join!(gateway.decide("r1", true), peer.hear(json!({ "ok": true })));
    assert_eq!(decided, Ok(()));
    assert_eq!(
        heard,
        (
            "exec.approval.resolve".to_owned(),
            json!({ "id": "r1", "decision": "allow-once" })
        )
    );
}

#[tokio::test]
async fn ours_that_nobody_watches_is_refused_and_what_is_the_owners_is_left_alone() {
    let (played, gateway) = Played::new().await;
    let gone = gateway.watch("task", "gone").session().to_owned();
    let waiting = json!([
        request("theirs", "agent:main:telegram:direct:7"),
        request("ours", &format!("agent:main:openai-user:{gone}")),
    ]);
    let mut peer = played.greet(rights(), waiting).await;
    let refused = peer.hear(json!({ "ok": true })).await;
    assert_eq!(refused.1, json!({ "id": "ours", "decision": "deny" }));
    peer.asks(&request("others", "agent:main:openai-user:somebody"))
        .await;
    peer.asks(&request("again", &format!("agent:main:openai-user:{gone}")))
        .await;
    let refused = peer.hear(json!({ "ok": true })).await;
    assert_eq!(refused.1["id"], "again", "the owner's own are not answered");
}

#[tokio::test]
async fn a_gateway_that_goes_is_trouble_until_it_is_back() {
    let (played, gateway) = Played::new().await;
    drop(played.greet(rights(), json!([])).await);
    let mut state = gateway.shared.state.subscribe();
    state
        .wait_for(|state| matches!(state, State::Trouble(_)))
        .await
        .unwrap();
    assert!(gateway.trouble().unwrap().contains("127.0.0.1"));
    assert!(
        gateway.decide("r1", true).await.is_err(),
        "it is told at once that nothing can be decided"
    );
    let _peer = played.greet(rights(), json!([])).await;
    gateway.ready().await.unwrap();
    assert_eq!(gateway.trouble(), None);
}

#[tokio::test]
async fn a_token_that_may_not_approve_is_trouble() {
    let (played, gateway) = Played::new().await;
    let _peer = played.greet(json!([]), Value::Null).await;
    let mut state = gateway.shared.state.subscribe();
    state
        .wait_for(|state| matches!(state, State::Trouble(_)))
        .await
        .unwrap();
    assert!(gateway.trouble().unwrap().contains("approve nothing"));
}
