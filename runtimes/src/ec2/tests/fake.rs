//! EC2 and SSM as they look on the wire, with what moto does not do: client tokens, transitions that take
//! time, agents that are not online, commands that fail, and answers that do not come.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::machine::Machine;

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// Refused with that status and code.
    Refused(u16, &'static str),
    /// Done, but the answer never comes.
    Silent,
    /// Done, but the answer is no answer.
    Malformed,
}

#[derive(Debug, Clone, Default)]
pub(super) struct FakeInstance {
    pub(super) id: String,
    pub(super) state: &'static str,
    pub(super) reason: &'static str,
    /// The parameters it was made with.
    pub(super) form: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FakeRule {
    pub(super) id: String,
    pub(super) protocol: String,
    pub(super) port: String,
    pub(super) block: String,
}

impl FakeRule {
    /// As somebody adds it by hand, to let everybody in.
    pub(super) fn by_hand() -> Self {
        Self {
            id: "sgr-by-hand".to_owned(),
            protocol: "-1".to_owned(),
            port: "-1".to_owned(),
            block: "0.0.0.0/0".to_owned(),
        }
    }
}

#[derive(Default)]
pub(super) struct Account {
    pub(super) instances: Vec<FakeInstance>,
    /// Id to name.
    pub(super) groups: BTreeMap<String, String>,
    /// Networks that groups were made in; empty: the default one.
    pub(super) networks: Vec<String>,
    pub(super) rules: Vec<FakeRule>,
    pub(super) online: Vec<String>,
    pub(super) parameters: BTreeMap<String, String>,
    /// How often each of them was put.
    pub(super) versions: BTreeMap<String, u64>,
    /// Tags of parameters.
    pub(super) tags: BTreeMap<String, Value>,
    /// Actions in their order.
    pub(super) calls: Vec<String>,
    /// Everything SSM was told to run.
    pub(super) scripts: Vec<String>,
    /// What the next commands come to, instead of being run.
    pub(super) outcomes: VecDeque<Value>,
    faults: VecDeque<(&'static str, Fault)>,
    commands: HashMap<String, Option<Value>>,
    pub(super) machine: Option<Arc<Machine>>,
    made: usize,
    authorized: usize,
}

#[derive(Clone)]
pub(super) struct FakeAws {
    account: Arc<Mutex<Account>>,
    url: Url,
}

type Answered = Result<String, (u16, &'static str)>;

impl FakeAws {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let account = Arc::default();
        let fake = Self { account, url };
        let router = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(super) fn url(&self) -> Url {
        self.url.clone()
    }

    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    pub(super) fn fails(&self, action: &'static str, fault: Fault) {
        self.account().faults.push_back((action, fault));
    }

    pub(super) fn has_machine(&self, machine: Arc<Machine>) {
        self.account().machine = Some(machine);
    }

    /// The instance's transition is over, and its agent has connected.
    pub(super) fn comes_up(&self, id: &str) {
        self.becomes(id, "running", "");
        self.account().online.push(id.to_owned());
    }

    pub(super) fn becomes(&self, id: &str, state: &'static str, reason: &'static str) {
        let mut account = self.account();
        account.online.retain(|online| online != id);
        let instance = account
            .instances
            .iter_mut()
            .find(|instance| instance.id == id)
            .unwrap();
        (instance.state, instance.reason) = (state, reason);
    }

    pub(super) fn calls_of(&self, action: &str) -> usize {
        self.account().calls.iter().filter(|call| *call == action).count()
    }

    /// What the next command comes to.
    pub(super) fn next_command(&self, outcome: Value) {
        self.account().outcomes.push_back(outcome);
    }
}

async fn answer(State(fake): State<FakeAws>, headers: HeaderMap, body: String) -> Response {
    let signature = headers["authorization"].to_str().unwrap_or_default().to_owned();
    assert!(
        signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{signature}"
    );
    let target = headers
        .get("x-amz-target")
        .map(|target| target.to_str().unwrap_or_default());
    let service = if target.is_some() { "/ssm/" } else { "/ec2/" };
    assert!(
        signature.contains(&format!("/eu-west-1{service}aws4_request")),
        "{signature}"
    );
    let form: BTreeMap<String, String> = match target {
        Some(_) => BTreeMap::new(),
        None => Url::parse(&format!("http://form/?{body}"))
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect(),
    };
    let action = match target {
        Some(target) => target.trim_start_matches("AmazonSSM.").to_owned(),
        None => form["Action"].clone(),
    };
    let fault = {
        let mut account = fake.account();
        account.calls.push(action.clone());
        let next = account.faults.front().is_some_and(|(of, _)| *of == action);
        if next {
            account.faults.pop_front().map(|(_, fault)| fault)
        } else {
            None
        }
    };
    if let Some(Fault::Refused(status, code)) = fault {
        return refusal(target.is_some(), status, code);
    }
    let answered = match target {
        Some(_) => fake.ssm(&action, &serde_json::from_str(&body).unwrap()),
        None => fake.ec2(&action, &form),
    };
    match fault {
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::Malformed) => "<html><body>upstream timed out".into_response(),
        Some(Fault::Refused(..)) | None => match answered {
            Ok(text) => text.into_response(),
            Err((status, code)) => refusal(target.is_some(), status, code),
        },
    }
}

fn refusal(is_json: bool, status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let text = if is_json {
        json!({ "__type": format!("com.amazonaws.ssm#{code}"), "message": "said the fake" }).to_string()
    } else {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>said the fake</Message></Error></Errors>\
             <RequestID>r</RequestID></Response>"
        )
    };
    (status, text).into_response()
}

fn xml(action: &str, inside: &str) -> String {
    format!("<?xml version=\"1.0\"?><{action}Response><requestId>r</requestId>{inside}</{action}Response>")
}

fn instances<'a>(found: impl Iterator<Item = &'a FakeInstance>) -> String {
    found
        .map(|instance| {
            let ip = if instance.state == "running" { "<ipAddress>203.0.113.9</ipAddress>" } else { "<ipAddress/>" };
            format!(
                "<item><instanceId>{}</instanceId><instanceState><code>0</code><name>{}</name></instanceState>{ip}\
                 <launchTime>2026-02-19T10:00:00.000Z</launchTime>\
                 <stateReason><code>c</code><message>{}</message></stateReason></item>",
                instance.id, instance.state, instance.reason
            )
        })
        .collect::<Vec<_>>()
        .concat()
}

impl FakeAws {
    fn ec2(&self, action: &str, form: &BTreeMap<String, String>) -> Answered {
        let mut account = self.account();
        let given = |name: &str| form.get(name).cloned().unwrap_or_default();
        let inside = match action {
            "DescribeInstances" => account.describe(form)?,
            "RunInstances" => account.run(form),
            "StartInstances" => account.moves(&given("InstanceId.1"), "stopped", "pending")?,
            "StopInstances" => account.moves(&given("InstanceId.1"), "running", "stopping")?,
            "TerminateInstances" => account.moves(&given("InstanceId.1"), "", "shutting-down")?,
            "DescribeSecurityGroups" => {
                let named = account
                    .groups
                    .iter()
                    .filter(|(_, name)| **name == given("Filter.1.Value.1"));
                let items = named.map(|(id, _)| format!("<item><groupId>{id}</groupId></item>"));
                let items = items.collect::<Vec<_>>().concat();
                format!("<securityGroupInfo>{items}</securityGroupInfo>")
            }
            "CreateSecurityGroup" => {
                if account.groups.values().any(|name| *name == given("GroupName")) {
                    return Err((400, "InvalidGroup.Duplicate"));
                }
                assert_eq!(
                    given("SubnetId"),
                    "",
                    "a group is of a network, not of a part of it"
                );
                account.networks.push(given("VpcId"));
                let id = format!("sg-{}", account.groups.len() + 1);
                account.groups.insert(id.clone(), given("GroupName"));
                format!("<return>true</return><groupId>{id}</groupId>")
            }
            "DeleteSecurityGroup" => {
                if account
                    .instances
                    .iter()
                    .any(|instance| instance.state != "terminated")
                {
                    return Err((400, "DependencyViolation"));
                }
                account
                    .groups
                    .remove(&given("GroupId"))
                    .ok_or((400, "InvalidGroup.NotFound"))?;
                "<return>true</return>".to_owned()
            }
            "DescribeSubnets" => "<subnetSet><item><vpcId>vpc-1</vpcId></item></subnetSet>".to_owned(),
            "DescribeSecurityGroupRules" => account.rules_as_xml(),
            "AuthorizeSecurityGroupIngress" => account.authorize(form)?,
            "RevokeSecurityGroupIngress" => {
                let ids: Vec<_> = form
                    .iter()
                    .filter(|(name, _)| name.starts_with("SecurityGroupRuleId."))
                    .collect();
                account
                    .rules
                    .retain(|rule| ids.iter().all(|(_, id)| **id != rule.id));
                "<return>true</return>".to_owned()
            }
            _ => return Err((400, "InvalidAction")),
        };
        Ok(xml(action, &inside))
    }

    fn ssm(&self, action: &str, body: &Value) -> Answered {
        let mut account = self.account();
        let answer = match action {
            "DescribeInstanceInformation" => {
                let id = body["Filters"][0]["Values"][0].as_str().unwrap_or_default();
                let online = account.online.iter().any(|online| online == id);
                let ping = json!({ "InstanceId": id, "PingStatus": if online { "Online" } else { "ConnectionLost" } });
                json!({ "InstanceInformationList": [ping] })
            }
            "SendCommand" => {
                let id = body["InstanceIds"][0].as_str().unwrap_or_default();
                if !account.online.iter().any(|online| online == id) {
                    return Err((400, "InvalidInstanceId"));
                }
                let script = body["Parameters"]["commands"][0]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                account.scripts.push(script.clone());
                let command = format!("c-{}", account.scripts.len());
                let outcome = account.outcomes.pop_front();
                let is_run = outcome.is_none() && account.machine.is_some();
                let outcome = outcome.or_else(|| (!is_run).then(|| json!({ "Status": "Success" })));
                account.commands.insert(command.clone(), outcome);
                if let Some(machine) = account.machine.clone().filter(|_| is_run) {
                    let (fake, command) = (self.clone(), command.clone());
                    tokio::spawn(async move {
                        let outcome = machine.run(&script).await;
                        fake.account().commands.insert(command, Some(outcome));
                    });
                }
                json!({ "Command": { "CommandId": command } })
            }
            "GetCommandInvocation" => {
                let command = body["CommandId"].as_str().unwrap_or_default();
                let known = account
                    .commands
                    .get(command)
                    .ok_or((400, "InvocationDoesNotExist"))?;
                known.clone().unwrap_or_else(|| json!({ "Status": "InProgress" }))
            }
            _ => account.keep(action, body)?,
        };
        Ok(answer.to_string())
    }
}

impl Account {
    fn describe(&self, form: &BTreeMap<String, String>) -> Answered {
        let found: Vec<_> = match (form.get("InstanceId.1"), form.get("Filter.1.Value.1")) {
            (Some(id), _) => {
                let one = self.instances.iter().find(|instance| instance.id == *id);
                vec![one.ok_or((400, "InvalidInstanceID.NotFound"))?]
            }
            (None, tag) => {
                let tagged =
                    |instance: &&FakeInstance| instance.form.values().any(|value| Some(value) == tag);
                let alive = |instance: &&FakeInstance| instance.state != "terminated";
                self.instances.iter().filter(tagged).filter(alive).collect()
            }
        };
        let items = instances(found.into_iter());
        Ok(format!(
            "<reservationSet><item><ownerId>123456789012</ownerId><instancesSet>{items}</instancesSet></item></reservationSet>"
        ))
    }

    fn run(&mut self, form: &BTreeMap<String, String>) -> String {
        let same = |instance: &&FakeInstance| instance.form["ClientToken"] == form["ClientToken"];
        let known = self.instances.iter().find(same).cloned();
        let instance = known.unwrap_or_else(|| {
            self.made += 1;
            let made = FakeInstance {
                id: format!("i-{:017x}", self.made),
                state: "pending",
                reason: "",
                form: form.clone(),
            };
            self.instances.push(made.clone());
            made
        });
        let items = instances(std::iter::once(&instance));
        format!("<ownerId>123456789012</ownerId><instancesSet>{items}</instancesSet>")
    }

    fn moves(&mut self, id: &str, from: &str, to: &'static str) -> Answered {
        let instance = self.instances.iter_mut().find(|instance| instance.id == id);
        let instance = instance.ok_or((400, "InvalidInstanceID.NotFound"))?;
        if !from.is_empty() && instance.state != from {
            return Err((400, "IncorrectInstanceState"));
        }
        instance.state = to;
        Ok("<instancesSet/>".to_owned())
    }

    fn authorize(&mut self, form: &BTreeMap<String, String>) -> Answered {
        let mut fresh = Vec::new();
        for number in 1.. {
            let at = |field: &str| form.get(&format!("IpPermissions.{number}.{field}")).cloned();
            let Some(protocol) = at("IpProtocol") else { break };
            self.authorized += 1;
            let rule = FakeRule {
                id: format!("sgr-{}", self.authorized),
                protocol,
                port: at("FromPort").unwrap_or_default(),
                block: at("IpRanges.1.CidrIp")
                    .or_else(|| at("Ipv6Ranges.1.CidrIpv6"))
                    .unwrap_or_default(),
            };
            if self
                .rules
                .iter()
                .any(|known| (&known.port, &known.block) == (&rule.port, &rule.block))
            {
                return Err((400, "InvalidPermission.Duplicate"));
            }
            fresh.push(rule);
        }
        self.rules.extend(fresh);
        Ok("<return>true</return>".to_owned())
    }

    fn rules_as_xml(&self) -> String {
        let rules: Vec<_> = self
            .rules
            .iter()
            .map(|rule| {
                let family = if rule.block.contains(':') {
                    "cidrIpv6"
                } else {
                    "cidrIpv4"
                };
                format!(
                    "<item><securityGroupRuleId>{}</securityGroupRuleId><isEgress>false</isEgress>\
                     <ipProtocol>{}</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort>\
                     <{family}>{}</{family}></item>",
                    rule.id,
                    rule.protocol,
                    rule.block,
                    port = rule.port
                )
            })
            .collect();
        let egress = "<item><securityGroupRuleId>sgr-out</securityGroupRuleId><isEgress>true</isEgress>\
                      <ipProtocol>-1</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort>\
                      <cidrIpv4>0.0.0.0/0</cidrIpv4></item>";
        let rules = rules.concat();
        format!("<securityGroupRuleSet>{egress}{rules}</securityGroupRuleSet>")
    }
}
