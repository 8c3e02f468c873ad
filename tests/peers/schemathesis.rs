//! What a dialect's document says, tried out by schemathesis (PyPI): no answer outside the document, and no
//! failure of ours, whatever is sent.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use crate::harness::{Account, Database, LONG, Setup, left_out};

/// Dialects that are served, with operations that are not tried here, and what is read with the key afterwards.
const DIALECTS: &[(&str, &str, &str, &str)] = &[
    (
        "tropic",
        "/tropic/api",
        // The first two are documented to fail with 500 where no payment provider is configured; the third would
        // revoke the key that schemathesis asks with.
        "create-checkout-session|payment-webhook|revoke-api-key",
        "/policies",
    ),
    ("thermidora", "/thermidora/v1", "revoke-api-key", "/auth/keys"),
];

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// 503 where a document says so: an instance that does not run (the statuses themselves are checked as well).
const CONFIGURATION: &str =
    "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", 503]\n";
/// How long one document is tried out, in seconds.
const SECONDS: &str = "30";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_in_the_document() {
    let Ok(python) = std::env::var("REEF_TEST_PYTHON") else {
        return left_out(
            "documents of dialects tried out by schemathesis (PyPI)",
            "REEF_TEST_PYTHON is not set",
        );
    };
    let database = Database::sqlite();
    // Without a mail server the codes have to go somewhere.
    let setup = Setup::on(&database).with("REEF_LOG_LOGIN_CODES", "true");
    let server = setup.start().await;
    let configuration = server.database().folder().join("schemathesis.toml");
    std::fs::write(configuration, CONFIGURATION).expect("its configuration is written");
    for (dialect, base, excluded, read) in DIALECTS {
        let client = Account::of(&server.operator(), dialect, "peer").await.client;
        let key = client.key();
        let mut run = Command::new(Path::new(&python).with_file_name("schemathesis"));
        run.args(["run", &format!("{}{base}/openapi.json", server.base())])
            .args(["--header", &format!("Authorization: Bearer {key}")])
            .args(["--exclude-operation-id-regex", excluded])
            .args(["--checks", CHECKS])
            .args(["--phases", "examples,coverage,fuzzing", "--max-time", SECONDS])
            .args([
                "--suppress-health-check",
                "all",
                "--warnings",
                "off",
                "--no-color",
            ])
            .current_dir(server.database().folder())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(LONG * 3, run.output())
            .await
            .expect("schemathesis ends");
        let output = output.expect("schemathesis starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{dialect}:\n{said}");
        let after = client.get(&format!("{base}{read}")).await;
        assert_eq!(after.status, 200, "its key still works: {}", after.text);
    }
}
