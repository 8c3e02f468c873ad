//! Agents on an instance: put there, put to rest, taken off; what their owner set; their gateway's process.

use std::collections::BTreeMap;

use chrono::DateTime;
use reef_commands::ports::{
    AgentBundle, DriverError, EffectToken, LogLevel, RuntimeObservation, RuntimeSettings, RuntimeSpec,
};
use reef_domain::AgentId;
use serde_json::{Value, json};

use super::{Cloud, firewall, instances::Instance, orders::Order, tools};

/// Characters of an agent's id in OpenClaw.
const MAX_NAME: usize = 64;

/// The agent's id in OpenClaw, which takes lower case only.
pub(super) fn entry_name(agent: &AgentId) -> String {
    let id = agent.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if id.len() <= MAX_NAME && id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(plain) {
        return id.to_owned();
    }
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, id.as_bytes()));
    format!("agent-{}", &digest[..40])
}

impl Cloud {
    pub(super) async fn configure(
        &self,
        spec: &RuntimeSpec,
        settings: &RuntimeSettings,
    ) -> Result<(), DriverError> {
        let wanted = firewall::wanted(&settings.firewall)?;
        let group = firewall::find(&self.ec2, spec).await?;
        let group =
            group.ok_or_else(|| DriverError::Permanent("the runtime has no security group".to_owned()))?;
        let changes = firewall::replace(&self.ec2, &group, &wanted).await?;
        if changes.is_any() {
            let (added, removed) = (changes.missing.len(), changes.surplus.len());
            let message = format!("firewall of {group}: {added} rules added, {removed} removed");
            self.log(spec, LogLevel::Info, message);
        }
        let instance = self.reachable(spec).await?;
        let body = json!({ "tools": tools::tools(None, &settings.command_bundles) });
        self.give(&instance, "configure", body).await
    }

    pub(super) async fn push(&self, spec: &RuntimeSpec, bundle: &AgentBundle) -> Result<(), DriverError> {
        let instance = self.reachable(spec).await?;
        let loan = self.lend(spec, &instance, &bundle.agent_id).await?;
        let installed: BTreeMap<_, _> = bundle
            .installed_skills
            .iter()
            .map(|skill| (&skill.name, &skill.files))
            .collect();
        let agent = json!({
            "id": entry_name(&bundle.agent_id),
            "name": bundle.name,
            "model": tools::model(&bundle.model),
            "skills": skills(bundle),
            "installed": installed,
            "policy": bundle.policy_rules,
            "tools": tools::tools(bundle.policy_rules.as_deref(), &bundle.command_bundles),
            "workspace": seeds(bundle),
        });
        let body = json!({ "agent": agent, "lent": loan.told });
        self.give(&instance, "push", body).await?;
        self.take_back(loan).await?;
        self.log_of(
            spec,
            &bundle.agent_id,
            LogLevel::Info,
            "agent put on the runtime".to_owned(),
        );
        Ok(())
    }

    pub(super) async fn rest(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<(), DriverError> {
        let Some(instance) = self.left_over(spec).await? else {
            return Ok(());
        };
        self.give(&instance, "rest", json!({ "agent": entry_name(agent) }))
            .await?;
        self.log_of(spec, agent, LogLevel::Info, "agent put to rest".to_owned());
        Ok(())
    }

    pub(super) async fn remove(&self, spec: &RuntimeSpec, agent: &AgentId) -> Result<(), DriverError> {
        let Some(instance) = self.left_over(spec).await? else {
            return Ok(());
        };
        self.give(&instance, "remove", json!({ "agent": entry_name(agent) }))
            .await?;
        self.log_of(
            spec,
            agent,
            LogLevel::Info,
            "agent removed from the runtime".to_owned(),
        );
        Ok(())
    }

    pub(super) async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        let instance = self.reachable(spec).await?;
        let loan = self.lend_for_restart(spec, &instance).await?;
        let order = Order {
            what: "restart",
            body: json!({ "token": token.0, "lent": loan.told }),
            limit: self.config.patience.command,
        };
        let said = self.orders.ask(&instance.id, order).await?;
        self.take_back(loan).await?;
        let since = said["since"]
            .as_i64()
            .and_then(|since| DateTime::from_timestamp(since, 0));
        let since = since.ok_or_else(|| {
            DriverError::Permanent(format!(
                "restart on {}: it does not say since when it runs",
                instance.id
            ))
        })?;
        self.log(spec, LogLevel::Info, "gateway restarted".to_owned());
        Ok(RuntimeObservation::Running {
            provider_ref: instance.id,
            public_ip: instance.public_ip,
            since,
        })
    }

    async fn give(&self, instance: &Instance, what: &'static str, body: Value) -> Result<(), DriverError> {
        let limit = self.config.patience.command;
        self.orders.give(&instance.id, Order { what, body, limit }).await
    }
}

/// Names of all skills the agent may use: its template's, and those that are installed.
fn skills(bundle: &AgentBundle) -> Vec<&str> {
    let installed = bundle.installed_skills.iter().map(|skill| &skill.name);
    let mut names: Vec<&str> = bundle
        .skills
        .iter()
        .chain(installed)
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Files for an agent that has not got them yet: what it is made with, and what its owner wrote.
fn seeds(bundle: &AgentBundle) -> BTreeMap<String, String> {
    let mut seeds = bundle.workspace.clone();
    for (path, file) in bundle.files.iter().flat_map(|owned| &owned.files) {
        seeds.insert(path.clone(), file.content.clone());
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openclaw_gets_ids_it_can_take() {
        assert_eq!(entry_name(&AgentId::from("agent_7g8h")), "agent_7g8h");
        let odd = entry_name(&AgentId::from("Agent/../7"));
        assert!(odd.starts_with("agent-") && odd.len() == 46, "{odd}");
        assert_ne!(odd, entry_name(&AgentId::from("agent/../7")));
    }
}
