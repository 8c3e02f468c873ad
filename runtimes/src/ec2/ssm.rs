//! Systems Manager over its JSON protocol: is the agent of an instance online, run this there, keep that
//! parameter.

use std::{sync::Arc, time::Duration};

use reqwest::Url;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    error::{AwsError, beginning},
    wire::{Call, Wire},
};

const SERVICE: &str = "ssm";
/// The document of AWS that runs shell commands.
const SHELL: &str = "AWS-RunShellScript";
/// Characters of its output that a command's answer carries.
pub(super) const OUTPUT_CHARS: usize = 24_000;

/// Parameters that are removed at once.
const MOST_DELETED: usize = 10;

/// What became of a command on an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Invocation {
    /// Not at its end yet.
    UnderWay,
    /// It ended with exit code 0.
    Success { stdout: String },
    /// It ended otherwise.
    Failed { exit_code: i64, stderr: String },
    /// It did not come to an end: not delivered, cut off, cancelled.
    Lost { how: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentCommand {
    command: CommandId,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommandId {
    command_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InvocationAnswer {
    status: String,
    #[serde(default)]
    status_details: String,
    #[serde(default)]
    response_code: i64,
    #[serde(default)]
    standard_output_content: String,
    #[serde(default)]
    standard_error_content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Information {
    instance_information_list: Vec<Ping>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ping {
    instance_id: String,
    #[serde(default)]
    ping_status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Below {
    parameters: Vec<Parameter>,
    next_token: Option<String>,
}

/// A parameter with its value in clear.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(deserialize_with = "zeroizing")]
    pub(super) value: Zeroizing<String>,
    /// Grows with every value.
    pub(super) version: i64,
}

fn zeroizing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// SSM in one region.
pub(super) struct Ssm {
    wire: Arc<Wire>,
    url: Url,
}

impl Ssm {
    pub(super) fn new(wire: Arc<Wire>, url: Url) -> Self {
        Self { wire, url }
    }

    /// Whether the agent of the instance is connected now.
    pub(super) async fn is_online(&self, instance: &str) -> Result<bool, AwsError> {
        let filters = json!([{ "Key": "InstanceIds", "Values": [instance] }]);
        let known: Information = self
            .ask("DescribeInstanceInformation", &json!({ "Filters": filters }))
            .await?;
        let mut pings = known.instance_information_list.iter();
        Ok(pings.any(|ping| ping.instance_id == instance && ping.ping_status == "Online"))
    }

    /// Sends a script to the instance, to be taken up and to end in that time; the id of the command.
    pub(super) async fn send(
        &self,
        instance: &str,
        what: &str,
        script: &str,
        (delivery, limit): (Duration, Duration),
    ) -> Result<String, AwsError> {
        let seconds = limit.as_secs().max(1);
        let body = json!({
            "DocumentName": SHELL,
            "InstanceIds": [instance],
            "Comment": what,
            "TimeoutSeconds": delivery.as_secs().max(30),
            "Parameters": { "commands": [script], "executionTimeout": [seconds.to_string()] },
        });
        let sent: SentCommand = self.ask("SendCommand", &body).await?;
        Ok(sent.command.command_id)
    }

    /// What became of the command by now.
    pub(super) async fn invocation(&self, instance: &str, command: &str) -> Result<Invocation, AwsError> {
        let body = json!({ "CommandId": command, "InstanceId": instance });
        let answer: InvocationAnswer = match self.ask("GetCommandInvocation", &body).await {
            // Sent a moment ago, it may not be known everywhere yet.
            Err(error) if error.is(&["InvocationDoesNotExist"]) => return Ok(Invocation::UnderWay),
            answer => answer?,
        };
        Ok(match answer.status.as_str() {
            "Pending" | "InProgress" | "Delayed" | "Cancelling" => Invocation::UnderWay,
            "Success" => Invocation::Success {
                stdout: answer.standard_output_content,
            },
            "Failed" => Invocation::Failed {
                exit_code: answer.response_code,
                stderr: beginning(&answer.standard_error_content),
            },
            status => Invocation::Lost {
                how: beginning(&format!("{status} {}", answer.status_details)),
            },
        })
    }

    /// Keeps a secret for an instance: encrypted, and tagged with the one instance that is to read it. The version
    /// of the parameter.
    pub(super) async fn put_secret(
        &self,
        name: &str,
        value: &str,
        tags: &[(&str, String)],
    ) -> Result<i64, AwsError> {
        let parameter = json!({
            "Name": name, "Value": value, "Type": "SecureString", "Overwrite": true, "Tier": "Intelligent-Tiering",
        });
        let put: Put = self.ask("PutParameter", &parameter).await?;
        let tags: Vec<_> = tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        let tagging = json!({ "ResourceType": "Parameter", "ResourceId": name, "Tags": tags });
        self.ask::<Value>("AddTagsToResource", &tagging).await?;
        Ok(put.version)
    }

    /// Every parameter below a path.
    pub(super) async fn parameters_below(&self, path: &str) -> Result<Vec<Parameter>, AwsError> {
        let mut all = Vec::new();
        let mut body = json!({ "Path": path, "Recursive": true, "WithDecryption": true });
        loop {
            let page: Below = self.ask("GetParametersByPath", &body).await?;
            all.extend(page.parameters);
            match page.next_token.filter(|token| !token.is_empty()) {
                Some(next) => body["NextToken"] = json!(next),
                None => return Ok(all),
            }
        }
    }

    /// Removes parameters; those that are not there are none the worse.
    pub(super) async fn delete_parameters(&self, names: &[String]) -> Result<(), AwsError> {
        for some in names.chunks(MOST_DELETED) {
            self.ask::<Value>("DeleteParameters", &json!({ "Names": some }))
                .await?;
        }
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, operation: &str, body: &Value) -> Result<T, AwsError> {
        let call = Call {
            service: SERVICE,
            content_type: "application/x-amz-json-1.1",
            target: Some(format!("AmazonSSM.{operation}")),
            body: body.to_string(),
        };
        let answer = self.wire.send(&self.url, &call).await?;
        if answer.status == 200 {
            // Not the parser's text: it may quote what was said on an instance.
            return serde_json::from_str(&answer.text).map_err(|_| AwsError::Unusable {
                service: SERVICE,
                reason: format!("{operation}: it has another form"),
            });
        }
        let refusal = refusal(answer.status, &answer.text);
        if refusal.is(&[
            "ExpiredTokenException",
            "ExpiredToken",
            "UnrecognizedClientException",
        ]) {
            self.wire.forget_credentials().await;
        }
        Err(refusal)
    }
}

#[derive(Deserialize, Default)]
struct ErrorAnswer {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

fn refusal(status: u16, text: &str) -> AwsError {
    let said: ErrorAnswer = serde_json::from_str(text).unwrap_or_default();
    // `com.amazonaws.ssm#InvalidInstanceId` or the name alone.
    let code = said.kind.rsplit('#').next().unwrap_or_default();
    let (code, message) = if code.is_empty() {
        ("no code", text)
    } else {
        (code, said.message.as_str())
    };
    AwsError::Refused {
        service: SERVICE,
        status,
        code: code.to_owned(),
        message: beginning(message),
    }
}
