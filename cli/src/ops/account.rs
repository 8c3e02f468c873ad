//! `reef account`, `reef invite`, `reef key`, `reef credits`: the operator's everyday commands, over the native API.

use anyhow::Result;
use clap::Subcommand;
use reef_commands::digest_key;
use serde_json::{Value, json};

use crate::{client::Client, output::Output};

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Makes an account with its owner.
    Create {
        /// Name of the account.
        #[arg(long)]
        name: String,
        /// E-mail of the owner; unique within the dialect.
        #[arg(long)]
        email: String,
        /// Home dialect.
        #[arg(long, default_value = "native")]
        dialect: String,
    },
    /// Lists accounts, newest first.
    List,
    /// Suspends an account: its credentials are refused.
    Suspend {
        /// The account.
        account: String,
    },
    /// Lifts a suspension.
    Reinstate {
        /// The account.
        account: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Invite {
    /// Issues an invite code and shows it once.
    Issue {
        /// How many accounts may be registered with it.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// Dialect of those accounts.
        #[arg(long, default_value = "thermidora")]
        dialect: String,
    },
    /// Takes an invite code back: it opens no more accounts.
    Revoke {
        /// The code itself.
        code: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Issues an API key and shows it once.
    Issue {
        /// The account it is for.
        #[arg(long)]
        account: String,
        /// Name for people.
        #[arg(long)]
        name: Option<String>,
        /// A scope; may be given several times. None: everything.
        #[arg(long = "scope")]
        scopes: Vec<String>,
    },
    /// Revokes a key at once.
    Revoke {
        /// Id of the key.
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Credits {
    /// Grants credits to an account.
    Grant {
        /// The account.
        account: String,
        /// How many credits; fractions down to a millionth.
        credits: f64,
    },
    /// Shows the balance.
    Balance {
        /// The account.
        account: String,
    },
}

impl Account {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let (name, body) = match self {
            Self::Create { name, email, dialect } => (
                "RegisterAccount",
                json!({ "name": name, "owner_email": email, "dialect": dialect }),
            ),
            Self::List => return list(client, output).await,
            Self::Suspend { account } => ("SuspendAccount", json!({ "account_id": account })),
            Self::Reinstate { account } => ("ReinstateAccount", json!({ "account_id": account })),
        };
        let answer = client.command(name, &body).await?;
        output.show(&answer, || {
            vec![format!("{}", answer["aggregate"]["id"].as_str().unwrap_or("?"))]
        })
    }
}

async fn list(client: &Client, output: Output) -> Result<()> {
    let mut all: Vec<Value> = Vec::new();
    let mut after = String::new();
    loop {
        let page = client
            .get(&format!("/v1/views/accounts?limit=500{after}"))
            .await?;
        all.extend(page["data"].as_array().cloned().unwrap_or_default());
        match page["next"].as_u64() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    output.show(&Value::Array(all.clone()), || {
        let row = |a: &Value| {
            format!(
                "{}  {}  {}  {}",
                text(&a["id"]),
                text(&a["status"]),
                text(&a["dialect"]),
                text(&a["name"])
            )
        };
        all.iter().map(row).collect()
    })
}

impl Invite {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        match self {
            Self::Issue { uses, dialect } => {
                let body = json!({ "uses": uses, "dialect": dialect });
                let answer = client.command("IssueInviteCode", &body).await?;
                output.show(&answer, || {
                    vec![format!("{}", answer["result"]["code"].as_str().unwrap_or("?"))]
                })
            }
            Self::Revoke { code } => {
                let body = json!({ "invite_code_id": digest_key(code.trim()) });
                let answer = client.command("RevokeInviteCode", &body).await?;
                output.show(&answer, || vec!["It opens no more accounts.".to_owned()])
            }
        }
    }
}

impl Key {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        match self {
            Self::Issue {
                account,
                name,
                scopes,
            } => {
                let mut body = json!({ "account_id": account, "name": name });
                if !scopes.is_empty() {
                    body["scopes"] = json!(scopes);
                }
                let answer = client.command("IssueApiKey", &body).await?;
                output.show(&answer, || {
                    vec![
                        format!("{}", answer["result"]["key"].as_str().unwrap_or("?")),
                        "Keep it: it is shown only now.".to_owned(),
                    ]
                })
            }
            Self::Revoke { key } => {
                let answer = client.command("RevokeApiKey", &json!({ "key_id": key })).await?;
                output.show(&answer, || vec![format!("{key} is revoked")])
            }
        }
    }
}

impl Credits {
    pub(crate) async fn run(self, client: &Client, output: Output) -> Result<()> {
        let account = match self {
            Self::Grant { account, credits } => {
                anyhow::ensure!(
                    credits.is_finite() && credits > 0.0 && credits <= 1e12,
                    "credits must be more than 0 and at most 10^12"
                );
                #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
                let amount_micro = (credits * 1e6).round() as i64;
                client
                    .command(
                        "GrantCredits",
                        &json!({ "account_id": account, "amount_micro": amount_micro }),
                    )
                    .await?;
                account
            }
            Self::Balance { account } => account,
        };
        let ledger = client.get(&format!("/v1/views/ledgers/{account}")).await?;
        output.show(&ledger, || {
            #[expect(clippy::cast_precision_loss, reason = "shown to people")]
            let credits = ledger["balance_micro"].as_i64().unwrap_or(0) as f64 / 1e6;
            vec![format!("{credits} credits")]
        })
    }
}
