//! The instance of a runtime: found by its id or its tag, made once, started, stopped, ended.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use reef_commands::ports::RuntimeSpec;
use serde::Deserialize;

use super::{
    config::Ec2Config,
    error::AwsError,
    query::{Form, Items, Query},
};

/// Tag with the id of the runtime.
pub(super) const RUNTIME_TAG: &str = "reef:runtime";
/// Tag with the id of the account.
pub(super) const ACCOUNT_TAG: &str = "reef:account";
/// What EC2 says of an id it does not know.
const UNKNOWN: &[&str] = &["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"];
/// States of an instance that is still somebody's.
const ALIVE: &[&str] = &["pending", "running", "stopping", "stopped", "shutting-down"];

/// What EC2 calls its states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Running,
    Stopping,
    Stopped,
    ShuttingDown,
    Terminated,
    /// One that EC2 did not have when this was written.
    Unknown,
}

/// An instance as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) state: State,
    pub(super) public_ip: Option<String>,
    /// When it was last started.
    pub(super) launched_at: Option<DateTime<Utc>>,
    /// Why it is in that state, where EC2 says so.
    pub(super) reason: Option<String>,
    /// The AWS account it belongs to.
    pub(super) owner: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    reservation_set: Items<Reservation>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    #[serde(default)]
    owner_id: String,
    instances_set: Items<InstanceItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstanceItem {
    instance_id: String,
    instance_state: StateItem,
    ip_address: Option<String>,
    launch_time: Option<String>,
    state_reason: Option<ReasonItem>,
}

#[derive(Deserialize)]
struct StateItem {
    name: String,
}

#[derive(Deserialize)]
struct ReasonItem {
    #[serde(default)]
    message: String,
}

impl InstanceItem {
    fn owned_by(self, owner: &str) -> Instance {
        let state = match self.instance_state.name.as_str() {
            "pending" => State::Pending,
            "running" => State::Running,
            "stopping" => State::Stopping,
            "stopped" => State::Stopped,
            "shutting-down" => State::ShuttingDown,
            "terminated" => State::Terminated,
            _ => State::Unknown,
        };
        let launched_at = self
            .launch_time
            .and_then(|at| DateTime::parse_from_rfc3339(&at).ok());
        Instance {
            id: self.instance_id,
            state,
            public_ip: self.ip_address.filter(|ip| !ip.is_empty()),
            launched_at: launched_at.map(Into::into),
            reason: self
                .state_reason
                .map(|reason| reason.message)
                .filter(|reason| !reason.is_empty()),
            owner: owner.to_owned(),
        }
    }
}

/// What an instance is made with, besides the configuration.
pub(super) struct NewInstance<'a> {
    pub(super) group: &'a str,
    pub(super) user_data: &'a str,
    /// Makes EC2 recognise a second request for the same.
    pub(super) client_token: &'a str,
}

/// Tags of everything made for a runtime.
pub(super) fn tags(spec: &RuntimeSpec) -> [(&'static str, String); 3] {
    [
        ("Name", format!("reef {}", spec.runtime_id)),
        (RUNTIME_TAG, spec.runtime_id.to_string()),
        (ACCOUNT_TAG, spec.account_id.to_string()),
    ]
}

/// The instance of that id, also one that has ended, for as long as EC2 tells of it.
pub(super) async fn by_id(ec2: &Query, id: &str) -> Result<Option<Instance>, AwsError> {
    match described(ec2, Form::default().with("InstanceId.1", id)).await {
        Ok(found) => Ok(found.into_iter().next()),
        Err(error) if error.is(UNKNOWN) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Instances with the runtime's tag that have not ended, the oldest first.
pub(super) async fn by_tag(ec2: &Query, spec: &RuntimeSpec) -> Result<Vec<Instance>, AwsError> {
    let tag = format!("tag:{RUNTIME_TAG}");
    let form = Form::default()
        .filter(1, &tag, &[spec.runtime_id.as_str()])
        .filter(2, "instance-state-name", ALIVE);
    let mut found = described(ec2, form).await?;
    found.sort_by(|a, b| (a.launched_at, &a.id).cmp(&(b.launched_at, &b.id)));
    Ok(found)
}

async fn described(ec2: &Query, form: Form) -> Result<Vec<Instance>, AwsError> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page: Described = ec2
            .ask(
                "DescribeInstances",
                &form.clone().maybe("NextToken", next.as_deref()),
            )
            .await?;
        for reservation in page.reservation_set.items {
            let items = reservation.instances_set.items.into_iter();
            found.extend(items.map(|item| item.owned_by(&reservation.owner_id)));
        }
        match page.next_token.filter(|token| !token.is_empty()) {
            Some(token) => next = Some(token),
            None => return Ok(found),
        }
    }
}

/// Has EC2 make an instance.
pub(super) async fn run(
    ec2: &Query,
    config: &Ec2Config,
    spec: &RuntimeSpec,
    new: &NewInstance<'_>,
) -> Result<Instance, AwsError> {
    let image = spec.image_ref.as_deref().unwrap_or(&config.ami);
    let profile = config.instance_profile.as_deref();
    let is_arn = |profile: &&str| profile.starts_with("arn:");
    let form = Form::default()
        .with("ImageId", image)
        .with("InstanceType", &config.instance_type)
        .with("MinCount", "1")
        .with("MaxCount", "1")
        .with("ClientToken", new.client_token)
        .with("SecurityGroupId.1", new.group)
        .with("UserData", BASE64.encode(new.user_data))
        .with("InstanceInitiatedShutdownBehavior", "stop")
        // Keys of the instance's role only for who asks in two steps, and not from containers on it.
        .with("MetadataOptions.HttpTokens", "required")
        .with("MetadataOptions.HttpPutResponseHopLimit", "1")
        .maybe("SubnetId", config.subnet.as_deref())
        .maybe("IamInstanceProfile.Arn", profile.filter(is_arn))
        .maybe(
            "IamInstanceProfile.Name",
            profile.filter(|profile| !is_arn(profile)),
        )
        .tags(1, "instance", &tags(spec))
        .tags(2, "volume", &tags(spec));
    let made: Reservation = ec2.ask("RunInstances", &form).await?;
    let first = made.instances_set.items.into_iter().next();
    first
        .map(|item| item.owned_by(&made.owner_id))
        .ok_or_else(|| AwsError::Unusable {
            service: "ec2",
            reason: "RunInstances: no instance in it".to_owned(),
        })
}

pub(super) async fn start(ec2: &Query, id: &str) -> Result<(), AwsError> {
    ec2.tell("StartInstances", &Form::default().with("InstanceId.1", id))
        .await
}

pub(super) async fn stop(ec2: &Query, id: &str) -> Result<(), AwsError> {
    ec2.tell("StopInstances", &Form::default().with("InstanceId.1", id))
        .await
}

/// Ends it for good; one that is not there has ended.
pub(super) async fn terminate(ec2: &Query, id: &str) -> Result<(), AwsError> {
    match ec2
        .tell("TerminateInstances", &Form::default().with("InstanceId.1", id))
        .await
    {
        Err(error) if error.is(UNKNOWN) => Ok(()),
        answer => answer,
    }
}
