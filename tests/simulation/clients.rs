//! What clients ask for: most often about what exists, several at a time, and again where nobody answered.

use reef_commands::{Answer, Caller, CommandError, Request, find_command};
use reef_domain::{AccountId, Actor, ActorKind, Dialect, UserId};
use serde_json::{Value, json};

use crate::{chance::trace, managers::MANAGERS, world::World};

/// A command that had no answer, or one that says it may have been carried out.
pub(crate) struct Open {
    key: String,
    name: &'static str,
    body: Value,
    account: Option<usize>,
}

/// A customer.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) account: AccountId,
    pub(crate) user: UserId,
}

impl World {
    pub(crate) async fn a_client_tries_again(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let open = self.open.swap_remove(self.chance.below(self.open.len()));
        self.send(open).await;
    }

    /// Several clients act at the same moment, and a manager moves meanwhile, each on some node.
    pub(crate) async fn clients_act(&mut self, clients: usize, a_manager_moves: bool) {
        let asked: Vec<Open> = (0..clients).map(|_| self.something_to_ask()).collect();
        let mut progress = std::mem::take(&mut self.progress);
        let (which, count, node) = (
            self.chance.below(MANAGERS),
            1 + self.chance.below(40),
            self.node(),
        );
        let manager = async {
            if a_manager_moves {
                progress
                    .advance(which, count, &self.store, &node, &self.chance)
                    .await;
            }
        };
        let asking = futures::future::join_all(asked.iter().map(|open| self.ask(open)));
        let (ended, ()) = tokio::join!(asking, manager);
        self.progress = progress;
        for (open, ended) in asked.into_iter().zip(ended) {
            self.note(open, ended);
        }
    }

    /// A command, most often about what exists, sometimes about what is another's.
    pub(crate) fn something_to_ask(&mut self) -> Open {
        let customer = self.chance.below(self.customers.len());
        let (name, body) = self.command_of(customer);
        let caller = if name == "GrantCredits" {
            None
        } else {
            Some(customer)
        };
        self.open(name, body, caller)
    }

    fn command_of(&self, customer: usize) -> (&'static str, Value) {
        let whose = if self.chance.percent(5) {
            1 - customer
        } else {
            customer
        };
        let account = self.customers[whose].account.clone();
        let of = |kind: &str| {
            let events = self.store.events();
            let mut ids: Vec<String> = events
                .iter()
                .filter(|event| event.aggregate_type == kind && event.sequence == 1)
                .filter(|event| event.account_id.as_ref() == Some(&account))
                .map(|event| event.aggregate_id.to_string())
                .collect();
            // The newest are the likeliest to be of interest.
            ids.reverse();
            ids.truncate(4);
            self.chance
                .pick(&ids)
                .cloned()
                .unwrap_or_else(|| format!("{kind}_unknown"))
        };
        let key = self.next_key;
        let either = |one, other| if self.chance.percent(50) { one } else { other };
        match self.chance.below(25) {
            0..3 => ("DeployAgent", json!({ "name": "a", "template_id": "tmpl_fish" })),
            3..9 => {
                let what = ["count", "count", "confirm", "confirm", "deny"][self.chance.below(5)];
                let description = format!("{what} {key}");
                (
                    "SubmitTask",
                    json!({ "agent_id": of("agent"), "description": description }),
                )
            }
            9..13 => (
                either("ApproveTask", "RejectTask"),
                json!({ "task_id": of("task") }),
            ),
            13 => ("StopAgent", json!({ "agent_id": of("agent") })),
            14 | 15 => ("StartAgent", json!({ "agent_id": of("agent") })),
            16 => ("DeleteAgent", json!({ "agent_id": of("agent") })),
            17 => ("RestartAgent", json!({ "agent_id": of("agent") })),
            18 | 19 => (
                "CreatePolicy",
                json!({ "name": format!("p{key}"), "rules": "ALLOW: count" }),
            ),
            20 => ("DeletePolicy", json!({ "policy_id": of("policy") })),
            21 => (
                "UpdatePolicy",
                json!({ "policy_id": of("policy"), "name": format!("p{key}") }),
            ),
            22 => (
                "AttachAgentPolicy",
                json!({ "agent_id": of("agent"), "policy_id": of("policy") }),
            ),
            23 if self.chance.percent(50) => ("IssueApiKey", json!({ "name": "k" })),
            23 => ("RevokeApiKey", json!({ "key_id": of("api_key") })),
            _ => (
                "GrantCredits",
                json!({ "account_id": account, "amount_micro": 500_000 }),
            ),
        }
    }

    fn open(&mut self, name: &'static str, body: Value, account: Option<usize>) -> Open {
        let key = format!("key-{}", self.next_key);
        self.next_key += 1;
        Open {
            key,
            name,
            body,
            account,
        }
    }

    pub(crate) async fn send(&mut self, open: Open) -> Option<Answer> {
        let ended = self.ask(&open).await;
        self.note(open, ended)
    }

    async fn ask(&self, open: &Open) -> Result<Answer, CommandError> {
        let caller = open.account.map_or_else(Caller::operator, |customer| {
            let Customer { account, user } = self.customers[customer].clone();
            Caller {
                actor: Actor::new(ActorKind::User, user.as_str()),
                account_id: Some(account),
                user_id: Some(user),
                dialect: Dialect::Native,
                scopes: vec!["*".to_owned()],
            }
        });
        let request = Request::new(caller, open.key.as_str()).once(open.key.as_str());
        let command = find_command(open.name).unwrap_or_else(|| panic!("no command {}", open.name));
        let body = serde_json::to_vec(&open.body).expect("a body is JSON");
        let node = self.node();
        let ended = command.run(&node.bus, &body, request).await;
        let told = ended.as_ref().map(|answer| answer.position);
        trace(&format!("{} {} {}: {told:?}", open.key, open.name, open.body));
        ended
    }

    fn note(&mut self, open: Open, ended: Result<Answer, CommandError>) -> Option<Answer> {
        match ended {
            Ok(answer) => {
                self.answers.push((open.key, answer.clone()));
                Some(answer)
            }
            Err(CommandError::Corrupt(reason)) => panic!("{} {}: corrupt: {reason}", open.name, open.body),
            Err(CommandError::Malformed { field, message }) => {
                panic!("{} {}: {field}: {message}", open.name, open.body)
            }
            Err(error) => {
                if error.is_transient() {
                    self.open.push(open);
                }
                None
            }
        }
    }

    /// Asks at once, for the beginning.
    pub(crate) async fn made(&mut self, name: &'static str, body: Value) -> Answer {
        let open = self.open(name, body, None);
        self.send(open).await.expect("it is still calm")
    }
}
