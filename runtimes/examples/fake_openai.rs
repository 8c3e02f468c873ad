//! An OpenAI-compatible server for black-box tests: it streams, word by word, an answer that cites the last
//! user message, and reports usage (a token is a word).
//!
//! `cargo run -p reef-runtimes --example fake_openai -- --port 9099 [--key K] [--delay-ms N]`, then
//! `REEF_MODEL_PROVIDER=openai REEF_MODEL_BASE_URL=http://127.0.0.1:9099/v1`. With port 0 a free one is taken;
//! the address is printed. `GET /requests` gives every request body so far.
//!
//! In the last user message `!fail 429` answers with that status, `!stall` falls silent in the middle, `!cut`
//! ends the stream in the middle, and `!error` sends an error in the middle.
#![allow(clippy::print_stdout, reason = "whoever starts it reads the address")]

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use clap::Parser;
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};

#[derive(Debug, Clone, Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9099)]
    port: u16,
    /// Key that requests must carry; none: any or no key will do.
    #[arg(long)]
    key: Option<String>,
    /// Pause before each word, milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
}

#[derive(Clone)]
struct Fake {
    options: Options,
    requests: Arc<Mutex<Vec<Value>>>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], options.port))).await?;
    println!("listening on http://{}/v1", listener.local_addr()?);
    let fake = Fake {
        options,
        requests: Arc::default(),
    };
    let routes = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route(
            "/v1/models",
            get(|| async { Json(json!({ "object": "list", "data": [{ "id": "fake-1" }] })) }),
        )
        .route("/requests", get(requests))
        .with_state(fake);
    axum::serve(listener, routes).await
}

async fn requests(State(fake): State<Fake>) -> Json<Value> {
    Json(Value::Array(
        fake.requests
            .lock()
            .expect("no handler panics with the lock")
            .clone(),
    ))
}

async fn complete(State(fake): State<Fake>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let wanted = fake.options.key.as_ref().map(|key| format!("Bearer {key}"));
    if wanted.is_some() && given != wanted.as_deref() {
        return refuse(StatusCode::UNAUTHORIZED, "wrong key");
    }
    fake.requests
        .lock()
        .expect("no handler panics with the lock")
        .push(body.clone());
    let said = last_user_message(&body);
    if let Some(status) = word_after(&said, "!fail").and_then(|status| status.parse().ok()) {
        return refuse(status, "told to fail");
    }
    if body["stream"] != json!(true) {
        return refuse(StatusCode::BAD_REQUEST, "this server only streams");
    }
    let answer = format!("You said: \"{said}\". I am a fake model and agree.");
    let pause = Duration::from_millis(fake.options.delay_ms);
    Sse::new(reply(&body, &said, &answer, pause))
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// The answer's frames, cut off where the message asks for it.
fn reply(
    body: &Value,
    said: &str,
    answer: &str,
    pause: Duration,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
    let words: Vec<Value> = answer
        .split_inclusive(' ')
        .map(|word| delta(body, word))
        .collect();
    let usage = json!({ "prompt_tokens": prompt_words(body), "completion_tokens": words.len() });
    let half = words.len() / 2;
    let frames: Vec<String> = if said.contains("!stall") || said.contains("!cut") {
        words[..half].iter().map(Value::to_string).collect()
    } else if said.contains("!error") {
        let error = json!({ "error": { "message": "told to break off", "code": 500 } });
        words[..half]
            .iter()
            .chain([&error])
            .map(Value::to_string)
            .collect()
    } else {
        let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        let count = json!({ "choices": [], "usage": usage });
        words
            .iter()
            .chain([&end, &count])
            .map(Value::to_string)
            .chain(["[DONE]".to_owned()])
            .collect()
    };
    let frames = stream::iter(frames).then(move |frame| async move {
        tokio::time::sleep(pause).await;
        Ok(Event::default().data(frame))
    });
    if said.contains("!stall") {
        frames.chain(stream::pending()).boxed()
    } else {
        frames.boxed()
    }
}

fn delta(body: &Value, text: &str) -> Value {
    json!({
        "object": "chat.completion.chunk",
        "model": body["model"],
        "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }],
    })
}

fn messages(body: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    body["messages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

fn last_user_message(body: &Value) -> String {
    let last = messages(body).rev().find(|message| message["role"] == "user");
    last.and_then(|message| message["content"].as_str())
        .unwrap_or_default()
        .to_owned()
}

fn prompt_words(body: &Value) -> usize {
    messages(body)
        .filter_map(|message| message["content"].as_str())
        .map(|text| text.split_whitespace().count())
        .sum()
}

fn word_after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark)?.1.split_whitespace().next()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (
        status,
        Json(json!({ "error": { "message": message, "type": "fake_error" } })),
    )
        .into_response()
}
