//! Runtimes on EC2: an instance per runtime, with an OpenClaw gateway on it, reached through Systems Manager.
//!
//! An instance is known by its id and, should that be lost, by its tags; it is made under a client token
//! that is derived from the runtime, so making it twice makes one. It runs when EC2 says so *and* its SSM
//! agent is online: before that nothing could be done on it. Who may reach it is a security group of its
//! own, found again by name.
//!
//! Agents are entries of the gateway's `openclaw.json` with a workspace each; one gateway serves all agents
//! of a runtime. Everything on the instance is done by orders ([`orders`]), small programs that are safe to
//! run twice; messages and tasks are put to the gateway over the instance's loopback, so no port has to be
//! open for us and the gateway's token, made on the instance, never leaves it. Keys of model providers and
//! variables of the owner go as encrypted parameters that the instance fetches by its role; scripts name
//! them only ([`lending`]).
//!
//! **Invariant:** nothing is kept in the process. What cannot be seen is an error, never an assumption.

mod agents;
mod config;
mod credentials;
mod error;
mod firewall;
mod instances;
mod lending;
mod lifecycle;
mod orders;
mod query;
mod ssm;
#[cfg(test)]
mod tests;
mod tools;
mod user_data;
mod wire;
mod work;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use reef_commands::ports::{
    AgentBundle, ChatChunk, ChatRequest, Clock, DriverError, EffectToken, LogLevel, LogLines, NodeEvents,
    RuntimeDriver, RuntimeObservation, RuntimeSettings, RuntimeSpec, TaskAssignment,
    runtime::{EnvironmentLookup, SecretLookup},
};
use reef_domain::AgentId;

pub use self::{
    config::{Ec2Config, Ec2ConfigError, GatewayConfig, Patience},
    credentials::CredentialSource,
};
use self::{credentials::CredentialCache, orders::Orders, query::Query, ssm::Ssm, wire::Wire};

/// Name of the provider.
pub const PROVIDER: &str = "ec2";

/// What runtimes on EC2 need of the world.
#[derive(Clone)]
pub struct Ec2Ports {
    /// Agents' own keys of model providers.
    pub secrets: Arc<dyn SecretLookup>,
    /// Variables that owners set for the processes of their runtimes.
    pub environment: Arc<dyn EnvironmentLookup>,
    /// Where reports about tasks go.
    pub node: Arc<dyn NodeEvents>,
    /// Where log lines go. They tell what was done, never what was said.
    pub log_lines: Arc<dyn LogLines>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// AWS as configured, and our ports.
struct Cloud {
    config: Ec2Config,
    ports: Ec2Ports,
    ec2: Query,
    orders: Orders,
}

impl Cloud {
    fn log(&self, spec: &RuntimeSpec, level: LogLevel, message: String) {
        self.ports.log_lines.push(&spec.runtime_id, None, level, message);
    }
}

/// The driver of the provider `ec2`.
#[derive(Clone)]
pub struct Ec2Driver {
    cloud: Arc<Cloud>,
}

impl Ec2Driver {
    /// The driver; the error names a setting that cannot be used. AWS is not asked anything yet.
    pub fn new(ports: Ec2Ports, config: Ec2Config) -> Result<Self, Ec2ConfigError> {
        config.validate()?;
        let credentials = CredentialCache::new(config.credentials.clone());
        let clock = Arc::clone(&ports.clock);
        let wire = Arc::new(Wire::new(
            &config.region,
            credentials,
            clock,
            config.patience.call,
        ));
        let ssm = Ssm::new(Arc::clone(&wire), config.ssm_url()?);
        let cloud = Cloud {
            ec2: Query::new(wire, config.ec2_url()?),
            orders: Orders::new(ssm, &config),
            config,
            ports,
        };
        Ok(Self {
            cloud: Arc::new(cloud),
        })
    }
}

#[async_trait]
impl RuntimeDriver for Ec2Driver {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    async fn provision(
        &self,
        spec: &RuntimeSpec,
        _: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.cloud.provision(spec).await
    }

    async fn start(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.cloud.start(spec, token).await
    }

    async fn stop(&self, spec: &RuntimeSpec, _: &EffectToken) -> Result<RuntimeObservation, DriverError> {
        self.cloud.stop(spec).await
    }

    async fn restart_gateway(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.cloud.restart_gateway(spec, token).await
    }

    async fn destroy(&self, spec: &RuntimeSpec, _: &EffectToken) -> Result<(), DriverError> {
        self.cloud.destroy(spec).await
    }

    async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        self.cloud.observe(spec).await
    }

    async fn configure(
        &self,
        spec: &RuntimeSpec,
        settings: &RuntimeSettings,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.cloud.configure(spec, settings).await
    }

    async fn push(
        &self,
        spec: &RuntimeSpec,
        bundle: &AgentBundle,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.cloud.push(spec, bundle).await
    }

    async fn rest_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.cloud.rest(spec, agent).await
    }

    async fn remove_agent(
        &self,
        spec: &RuntimeSpec,
        agent: &AgentId,
        _: &EffectToken,
    ) -> Result<(), DriverError> {
        self.cloud.remove(spec, agent).await
    }

    async fn run_task(&self, spec: &RuntimeSpec, task: TaskAssignment) -> Result<(), DriverError> {
        self.cloud.run_task(spec, task).await
    }

    async fn chat(
        &self,
        spec: &RuntimeSpec,
        request: ChatRequest,
    ) -> Result<BoxStream<'static, Result<ChatChunk, DriverError>>, DriverError> {
        self.cloud.chat(spec, request).await
    }
}
