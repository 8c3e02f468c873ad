//! What an instance is lent: keys of model providers, and the variables of its owner, each as an encrypted parameter
//! that this instance alone may read.
//!
//! No value is in a script or a log line. An order names a parameter and, of variables, its version, so that the
//! instance reads again only what has changed.

use std::collections::BTreeMap;

use reef_commands::ports::{
    DriverError, RuntimeSpec,
    runtime::{EnvironmentAt, ModelSecret},
};
use reef_domain::AgentId;
use serde_json::{Map, Value, json};

use super::{
    Cloud,
    instances::{Instance, RUNTIME_TAG},
    ssm::Parameter,
};

/// Agents' secrets by the name Reef knows them by, and by the variable the gateway reads.
const KEYS: &[(&str, &str)] = &[
    ("anthropic_api_key", "ANTHROPIC_API_KEY"),
    ("openai_api_key", "OPENAI_API_KEY"),
];
/// Variable with the gateway's own token: nobody else sets it.
const TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN";
/// Tag of a parameter with the one instance that may read it.
const INSTANCE_TAG: &str = "reef:instance";
/// Most bytes that a parameter holds.
const MAX_VALUE_BYTES: usize = 8 * 1024;

type Variables = BTreeMap<String, ModelSecret>;

/// What an order tells of things lent, and what to take back once it was carried out.
pub(super) struct Loan {
    /// `keys` and `environment` of the order.
    pub(super) told: Map<String, Value>,
    taken_back: Vec<String>,
}

impl Cloud {
    /// The keys of the agent, and the variables that its runtime started with.
    pub(super) async fn lend(
        &self,
        spec: &RuntimeSpec,
        instance: &Instance,
        agent: &AgentId,
    ) -> Result<Loan, DriverError> {
        let variables = self.variables(spec, EnvironmentAt::LastStart).await?;
        let (mut keys, mut taken_back) = (Map::new(), Vec::new());
        for (secret, variable) in KEYS {
            let name = format!("{}/{variable}", folder(spec));
            let value = self.ports.secrets.secret(agent, secret).await?;
            // One that is a variable anyway goes with the variables.
            let same = |value: &ModelSecret| {
                let known = variables.as_ref().and_then(|all| all.get(*variable));
                known.is_some_and(|known| known.0 == value.0)
            };
            if let Some(value) = value.filter(|value| !same(value)) {
                passable(variable, &value.0)?;
                self.keep(spec, instance, &name, &value).await?;
                keys.insert((*variable).to_owned(), json!(name));
            } else {
                keys.insert((*variable).to_owned(), Value::Null);
                taken_back.push(name);
            }
        }
        let mut told = Map::from_iter([("keys".to_owned(), Value::Object(keys))]);
        if let Some(variables) = variables {
            let (environment, gone) = self.lend_variables(spec, instance, &variables).await?;
            told.insert("environment".to_owned(), environment);
            taken_back.extend(gone);
        }
        Ok(Loan { told, taken_back })
    }

    /// The variables that the runtime's processes are to begin anew with.
    pub(super) async fn lend_for_restart(
        &self,
        spec: &RuntimeSpec,
        instance: &Instance,
    ) -> Result<Loan, DriverError> {
        let Some(variables) = self.variables(spec, EnvironmentAt::NextStart).await? else {
            return Ok(Loan {
                told: Map::new(),
                taken_back: Vec::new(),
            });
        };
        let (environment, taken_back) = self.lend_variables(spec, instance, &variables).await?;
        Ok(Loan {
            told: Map::from_iter([("environment".to_owned(), environment)]),
            taken_back,
        })
    }

    /// Removes what the instance does not need any more, after it was told so.
    pub(super) async fn take_back(&self, loan: Loan) -> Result<(), DriverError> {
        Ok(self.orders.ssm().delete_parameters(&loan.taken_back).await?)
    }

    /// Removes every parameter of the runtime.
    pub(super) async fn forget_secrets(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        let key = |(_, variable): &(&str, &str)| format!("{}/{variable}", folder(spec));
        let mut names: Vec<_> = KEYS.iter().map(key).collect();
        if self.variables(spec, EnvironmentAt::NextStart).await?.is_some() {
            names.extend(self.lent(spec).await?.into_iter().map(|parameter| parameter.name));
        }
        Ok(self.orders.ssm().delete_parameters(&names).await?)
    }

    async fn variables(
        &self,
        spec: &RuntimeSpec,
        at: EnvironmentAt,
    ) -> Result<Option<Variables>, DriverError> {
        let variables = self.ports.environment.environment(&spec.runtime_id, at).await?;
        Ok(variables.map(|mut variables| {
            variables.remove(TOKEN);
            variables
        }))
    }

    /// Variable to parameter and version, and the parameters that are nobody's any more.
    async fn lend_variables(
        &self,
        spec: &RuntimeSpec,
        instance: &Instance,
        variables: &Variables,
    ) -> Result<(Value, Vec<String>), DriverError> {
        let mut lent: BTreeMap<String, Parameter> = BTreeMap::new();
        for parameter in self.lent(spec).await? {
            lent.insert(parameter.name.clone(), parameter);
        }
        let mut told = Map::new();
        for (variable, value) in variables {
            let name = format!("{}/{}/{variable}", environment(spec), instance.id);
            let version = match lent.remove(&name) {
                Some(known) if known.value == value.0 => known.version,
                Some(_) | None => {
                    passable(variable, &value.0)?;
                    self.keep(spec, instance, &name, value).await?
                }
            };
            told.insert(variable.clone(), json!([name, version]));
        }
        Ok((Value::Object(told), lent.into_keys().collect()))
    }

    /// The variables that were lent, to whichever instance of the runtime.
    async fn lent(&self, spec: &RuntimeSpec) -> Result<Vec<Parameter>, DriverError> {
        Ok(self.orders.ssm().parameters_below(&environment(spec)).await?)
    }

    /// Keeps the value where that instance alone can read it; the version of the parameter.
    async fn keep(
        &self,
        spec: &RuntimeSpec,
        instance: &Instance,
        name: &str,
        value: &ModelSecret,
    ) -> Result<i64, DriverError> {
        let (partition, region) = (self.config.partition(), &self.config.region);
        let arn = format!(
            "arn:{partition}:ec2:{region}:{}:instance/{}",
            instance.owner, instance.id
        );
        let tags = [(RUNTIME_TAG, spec.runtime_id.to_string()), (INSTANCE_TAG, arn)];
        Ok(self.orders.ssm().put_secret(name, &value.0, &tags).await?)
    }
}

fn folder(spec: &RuntimeSpec) -> String {
    format!("/reef/{}", spec.runtime_id)
}

fn environment(spec: &RuntimeSpec) -> String {
    format!("{}/environment", folder(spec))
}

/// Whether SSM keeps the value and systemd hands it to a process.
fn passable(variable: &str, value: &str) -> Result<(), DriverError> {
    let refused = |why: &str| Err(DriverError::Permanent(format!("the variable {variable} {why}")));
    if value.len() > MAX_VALUE_BYTES {
        return refused("is longer than 8 KiB, the most that a parameter of SSM holds");
    }
    if value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
        return refused("holds a control character that systemd hands to no process");
    }
    Ok(())
}
