//! An issuer for specs: keys of its own, a server that publishes them, and tokens of any kind.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use reef_commands::ports::Clock;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::identity::{IssuerConfig, SessionIssuers};

/// A clock that moves when it is told to.
pub(super) struct HandClock(Mutex<DateTime<Utc>>);

impl HandClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(
            DateTime::from_timestamp(1_760_000_000, 0).unwrap(),
        )))
    }

    pub(super) fn pass(&self, seconds: i64) {
        *self.0.lock() += TimeDelta::seconds(seconds);
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock()
    }
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key of an issuer.
pub(super) struct Signer {
    pub(super) kid: String,
    pair: Pair,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn rsa(kid: &str) -> Self {
        let pair = RsaKeyPair::from_pkcs8(include_bytes!("../../../fixtures/rsa_2048.pk8")).unwrap();
        Self {
            kid: kid.to_owned(),
            pair: Pair::Rsa(pair),
        }
    }

    pub(super) fn ec(kid: &str) -> Self {
        let (random, form) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let made = EcdsaKeyPair::generate_pkcs8(form, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(form, made.as_ref(), &random).unwrap();
        Self {
            kid: kid.to_owned(),
            pair: Pair::Ec(pair),
        }
    }

    pub(super) fn ed(kid: &str) -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self {
            kid: kid.to_owned(),
            pair: Pair::Ed(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap()),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// As it is published.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public: ring::signature::RsaPublicKeyComponents<Vec<u8>> = pair.public_key().into();
                json!({ "kty": "RSA", "n": text(public.n), "e": text(public.e) })
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key()) }),
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm());
        jwk
    }

    /// A token of these claims.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_with(
            &json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.kid }),
            claims,
        )
    }

    /// A token with any header, signed by this key whatever the header says.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let message = signed.as_bytes();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            Pair::Ec(pair) => pair
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        };
        format!("{signed}.{}", text(signature))
    }
}

/// What the issuer's server answers.
pub(super) enum Publishes {
    Keys(Vec<Value>),
    Status(u16),
    Text(String),
    Redirect(String),
}

struct Shelf {
    publishes: Mutex<Publishes>,
    asked: AtomicUsize,
    /// Answers that may be given.
    gate: Semaphore,
}

/// The issuer's server.
pub(super) struct Issuer {
    pub(super) name: String,
    shelf: Arc<Shelf>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shelf): State<Arc<Shelf>>) -> Response {
    shelf.asked.fetch_add(1, Ordering::SeqCst);
    drop(shelf.gate.acquire().await.unwrap());
    match &*shelf.publishes.lock() {
        Publishes::Keys(keys) => Json(json!({ "keys": keys })).into_response(),
        Publishes::Status(status) => StatusCode::from_u16(*status).unwrap().into_response(),
        Publishes::Text(text) => text.clone().into_response(),
        Publishes::Redirect(to) => (StatusCode::FOUND, [("location", to.clone())]).into_response(),
    }
}

impl Issuer {
    pub(super) async fn start(keys: Vec<Value>) -> Self {
        let shelf = Arc::new(Shelf {
            publishes: Mutex::new(Publishes::Keys(keys)),
            asked: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/.well-known/jwks.json", get(answer))
            .with_state(Arc::clone(&shelf));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { name, shelf, server }
    }

    pub(super) fn publish(&self, what: Publishes) {
        *self.shelf.publishes.lock() = what;
    }

    /// How often somebody asked for the keys.
    pub(super) fn asked(&self) -> usize {
        self.shelf.asked.load(Ordering::SeqCst)
    }

    /// Lets nobody have an answer until [`open`](Self::open).
    pub(super) fn close(&self) {
        self.shelf.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn open(&self) {
        self.shelf.gate.add_permits(1000);
    }

    pub(super) fn config(&self) -> IssuerConfig {
        serde_json::from_value(json!({ "issuer": self.name })).unwrap()
    }

    /// Whoever accepts this issuer's tokens.
    pub(super) fn verifier(&self, clock: &Arc<HandClock>) -> SessionIssuers {
        SessionIssuers::new(vec![self.config()], Arc::clone(clock) as _).unwrap()
    }

    /// Claims as Clerk makes them, valid for a minute.
    pub(super) fn claims(&self, clock: &HandClock) -> Value {
        let now = clock.now().timestamp();
        json!({
            "iss": self.name, "sub": "user_2abc", "sid": "sess_1", "azp": "https://tropic.bot",
            "iat": now, "nbf": now - 10, "exp": now + 60,
        })
    }
}
