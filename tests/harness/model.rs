//! A small OpenAI-compatible model server, for chats that must not leave the machine.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::HeaderMap, response::IntoResponse, routing::post};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What one request for a reply said.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

/// What the model says to one request.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// Text, streamed piece by piece.
    Text(Vec<String>),
    /// It wants a tool to be used.
    Call {
        /// Which.
        tool: &'static str,
        /// With what.
        arguments: Value,
    },
}

/// What decides what the model says.
type Mind = Arc<dyn Fn(&Value) -> Said + Send + Sync>;

/// A running model server; it ends with the test.
pub(crate) struct ModelServer {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl ModelServer {
    /// Starts one that answers every chat with these pieces, streamed one by one; where the last message says
    /// `!break`, an error follows the first piece.
    pub(crate) async fn answering(pieces: &'static [&'static str]) -> Self {
        let text = pieces.iter().map(ToString::to_string).collect();
        Self::thinking(move |_| Said::Text(Vec::clone(&text))).await
    }

    /// Starts one that answers as that function says.
    pub(crate) async fn thinking(mind: impl Fn(&Value) -> Said + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let mind: Mind = Arc::new(mind);
        let app = Router::new()
            .route("/v1/chat/completions", post(reply))
            .with_state((mind, Arc::clone(&asked)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let task =
            tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves to the end") });
        Self {
            base: format!("http://{address}/v1"),
            asked,
            task,
        }
    }

    /// As `REEF_MODEL_BASE_URL` wants it.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = (Mind, Arc<Mutex<Vec<Asked>>>);

async fn reply(
    State((mind, asked)): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> impl IntoResponse {
    let authorization = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .map(ToOwned::to_owned);
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": body["model"], "choices": [choice] })
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    let breaks = body["messages"]
        .as_array()
        .and_then(|messages| messages.last()?["content"].as_str())
        .is_some_and(|text| text.contains("!break"));
    match mind(&body) {
        Said::Text(pieces) if breaks => {
            let first = pieces.first().cloned().unwrap_or_default();
            events.push(chunk(json!({ "content": first }), Value::Null));
            events.push(json!({ "error": { "message": "told to break off", "type": "server_error" } }));
        }
        Said::Text(pieces) => {
            events.extend(
                pieces
                    .iter()
                    .map(|piece| chunk(json!({ "content": piece }), Value::Null)),
            );
            events.push(chunk(json!({}), json!("stop")));
        }
        Said::Call { tool, arguments } => {
            let function = json!({ "name": tool, "arguments": arguments.to_string() });
            let id = format!("call_{}", asked.lock().len());
            let call = json!({ "index": 0, "id": id, "type": "function", "function": function });
            events.push(chunk(json!({ "tool_calls": [call] }), Value::Null));
            events.push(chunk(json!({}), json!("tool_calls")));
        }
    }
    let usage = json!({ "prompt_tokens": 21, "completion_tokens": 7, "total_tokens": 28 });
    if !breaks {
        events.push(
            json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": usage }),
        );
    }
    asked.lock().push(Asked { authorization, body });
    let lines = events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .chain(["data: [DONE]\n\n".to_owned()]);
    let stream = futures::stream::iter(lines.map(Ok::<_, std::convert::Infallible>).collect::<Vec<_>>());
    (
        [("content-type", "text/event-stream")],
        axum::body::Body::from_stream(stream),
    )
}
