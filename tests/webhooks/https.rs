//! Over TLS: a receiver whose certificate is from an authority of one's own gets its deliveries where the operator
//! trusts that authority, and nowhere else.

use std::{fs, io, net::SocketAddr, sync::Arc};

use axum::{Router, routing::post, serve::Listener};
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::harness::{Account, Database, LONG, Setup, wait_until};

/// Takes connections that speak TLS.
struct Tls(TcpListener, TlsAcceptor);

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, from) = self.0.accept().await.expect("a connection");
            // Who does not trust the certificate hangs up.
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A receiver for `localhost`, its inbox, and the certificate of its authority.
async fn receiver() -> (String, Arc<Mutex<Vec<String>>>, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(authority, key).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &authority).expect("a certificate");
    // Only the first of a process gets in, which is all that is needed.
    rustls::crypto::ring::default_provider().install_default().ok();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("they belong together");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let inbox: Arc<Mutex<Vec<String>>> = Arc::default();
    let got = Arc::clone(&inbox);
    let app = Router::new().route("/hook", post(async move |body: String| got.lock().push(body)));
    let tls = Tls(listener, TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move { axum::serve(tls, app).await });
    (format!("https://localhost:{port}/hook"), inbox, authority.pem())
}

fn setup(database: &Database) -> Setup {
    let setup = Setup::on(database).with("REEF_WEBHOOK_ALLOWED_CIDRS", "[127.0.0.0/8, ::1/128]");
    setup.with("REEF_WEBHOOK_WAIT_FACTOR", "0.1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_of_ones_own_is_trusted_where_it_is_named() {
    let (url, inbox, authority) = receiver().await;
    let database = Database::sqlite();
    let mut server = setup(&database).start().await;
    let account = Account::make(&server, "aquarium").await;
    let body = json!({ "url": url, "events": ["PolicyCreated"] });
    let made = account.client.command("CreateWebhook", body).await.ok();
    account.policy("untrusted", "ALLOW: swim").await;
    let attempts = format!("/v1/webhooks/{}/attempts", made.id());
    let failure = wait_until("the delivery fails", LONG, async || {
        let attempts = account.client.get(&attempts).await.ok();
        attempts.body["data"][0]["failure"].as_str().map(str::to_owned)
    })
    .await;
    assert!(failure.starts_with("TLS: "), "{failure}");
    assert!(inbox.lock().is_empty());
    assert!(server.terminate().await.success());

    let file = database.folder().join("authority.pem");
    fs::write(&file, authority).expect("a file can be written");
    let trusting = setup(&database).with("REEF_WEBHOOK_CA_FILE", file.display().to_string());
    let server = trusting.start().await;
    let client = server.operator().with_key(account.client.key());
    let policy = json!({ "name": "trusted", "rules": "ALLOW: swim" });
    client.command("CreatePolicy", policy).await.ok();
    wait_until("both are delivered", LONG, async || {
        let got = inbox.lock().clone();
        let has = |name: &str| got.iter().any(|body| body.contains(name));
        (has("untrusted") && has("\"trusted\"")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_a_certificate_is_refused_at_the_start() {
    let database = Database::sqlite();
    let file = database.folder().join("authority.pem");
    for content in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(&file, content).expect("a file can be written");
        let setup = setup(&database).with("REEF_WEBHOOK_CA_FILE", file.display().to_string());
        let (status, said) = setup.refuses().await;
        assert!(
            !status.success() && said.contains("webhook_ca_file"),
            "{content:?}: {said}"
        );
    }
}
