//! From the first instance of a runtime to the last.

use reef_commands::ports::{DriverError, EffectToken, LogLevel, RuntimeObservation, RuntimeSpec};

use super::{
    Cloud,
    error::AwsError,
    firewall,
    instances::{self, Instance, NewInstance, State},
    user_data,
};

/// What can be said of a runtime now.
enum Known {
    /// Its instance, whatever it does.
    Alive(Instance),
    /// Its instance has ended, and EC2 still tells of it.
    Ended(Instance),
    /// There is none.
    Nothing,
}

impl Cloud {
    /// The instance by the id we know, else by its tag: a crash may have lost the id.
    async fn known(&self, spec: &RuntimeSpec) -> Result<Known, AwsError> {
        let mut ended = None;
        if let Some(id) = &spec.provider_ref {
            match instances::by_id(&self.ec2, id).await? {
                Some(instance) if instance.state != State::Terminated => return Ok(Known::Alive(instance)),
                other => ended = other,
            }
        }
        let mut tagged = instances::by_tag(&self.ec2, spec).await?.into_iter();
        let Some(first) = tagged.next() else {
            return Ok(ended.map_or(Known::Nothing, Known::Ended));
        };
        if tagged.next().is_some() {
            tracing::warn!(runtime = %spec.runtime_id, "more than one instance has its tag; the oldest counts");
        }
        Ok(Known::Alive(first))
    }

    /// The instance, where something is to be done on it.
    pub(super) async fn reachable(&self, spec: &RuntimeSpec) -> Result<Instance, DriverError> {
        match self.known(spec).await? {
            Known::Alive(instance) => up(instance),
            Known::Ended(instance) => Err(DriverError::Permanent(ending(&instance))),
            Known::Nothing => Err(DriverError::Permanent("the runtime has no instance".to_owned())),
        }
    }

    /// The instance, where something is to be taken off it; `None`: it is gone, and everything with it.
    pub(super) async fn left_over(&self, spec: &RuntimeSpec) -> Result<Option<Instance>, DriverError> {
        match self.known(spec).await? {
            Known::Alive(instance) => up(instance).map(Some),
            Known::Ended(_) | Known::Nothing => Ok(None),
        }
    }

    pub(super) async fn provision(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        self.require_region(spec)?;
        match self.known(spec).await? {
            Known::Alive(instance) => self.awaited(instance).await,
            // It was made and did not come up: EC2 says why.
            Known::Ended(instance) => Ok(RuntimeObservation::Failed {
                reason: ending(&instance),
            }),
            // A new id is not known everywhere at once; a second request for it would find it.
            Known::Nothing if spec.provider_ref.is_some() => Ok(RuntimeObservation::Absent),
            Known::Nothing => self.make(spec, spec.runtime_id.as_str()).await,
        }
    }

    pub(super) async fn start(
        &self,
        spec: &RuntimeSpec,
        token: &EffectToken,
    ) -> Result<RuntimeObservation, DriverError> {
        self.require_region(spec)?;
        match self.known(spec).await? {
            Known::Alive(instance) if instance.state == State::Stopped => {
                instances::start(&self.ec2, &instance.id).await?;
                self.log(
                    spec,
                    LogLevel::Info,
                    format!("instance {} is started", instance.id),
                );
                Ok(pending(instance.id))
            }
            Known::Alive(instance) => self.awaited(instance).await,
            // Ended by somebody else: who starts it wants one, and its disk is gone in any case.
            Known::Ended(_) | Known::Nothing => {
                self.log(
                    spec,
                    LogLevel::Warn,
                    "its instance is gone; a new one is made".to_owned(),
                );
                self.make(spec, &format!("{} {}", spec.runtime_id, token.0)).await
            }
        }
    }

    /// Makes an instance. The same `identity` makes the same one.
    async fn make(&self, spec: &RuntimeSpec, identity: &str) -> Result<RuntimeObservation, DriverError> {
        let user_data = user_data::first_boot(&self.config, spec.ssh_public_key.as_deref())?;
        let group = firewall::ensure(&self.ec2, &self.config, spec).await?;
        let new = NewInstance {
            group: &group,
            user_data: &user_data,
            client_token: &client_token(identity),
        };
        let made = instances::run(&self.ec2, &self.config, spec, &new).await?;
        self.log(spec, LogLevel::Info, format!("instance {} is made", made.id));
        Ok(pending(made.id))
    }

    pub(super) async fn stop(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        match self.known(spec).await? {
            Known::Alive(instance) if matches!(instance.state, State::Pending | State::Running) => {
                instances::stop(&self.ec2, &instance.id).await?;
                self.log(
                    spec,
                    LogLevel::Info,
                    format!("instance {} is stopped", instance.id),
                );
                Ok(pending(instance.id))
            }
            Known::Alive(instance) => self.awaited(instance).await,
            Known::Ended(instance) => Ok(RuntimeObservation::Failed {
                reason: ending(&instance),
            }),
            Known::Nothing => Ok(RuntimeObservation::Absent),
        }
    }

    /// Ends every instance of the runtime; when none is left, removes what was around it.
    pub(super) async fn destroy(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        let mut left = instances::by_tag(&self.ec2, spec).await?;
        if let Known::Alive(instance) = self.known(spec).await?
            && left.iter().all(|other| other.id != instance.id)
        {
            left.push(instance);
        }
        for instance in left
            .iter()
            .filter(|instance| instance.state != State::ShuttingDown)
        {
            instances::terminate(&self.ec2, &instance.id).await?;
            self.log(
                spec,
                LogLevel::Info,
                format!("instance {} is terminated", instance.id),
            );
        }
        if !left.is_empty() {
            tokio::time::sleep(self.config.patience.pending).await;
            return Err(DriverError::Transient(
                "its instance is being terminated".to_owned(),
            ));
        }
        self.forget_secrets(spec).await?;
        if let Some(group) = firewall::find(&self.ec2, spec).await? {
            firewall::delete(&self.ec2, &group).await?;
        }
        Ok(())
    }

    pub(super) async fn observe(&self, spec: &RuntimeSpec) -> Result<RuntimeObservation, DriverError> {
        match self.known(spec).await? {
            Known::Alive(instance) => self.seen(instance).await,
            Known::Ended(instance) => Ok(RuntimeObservation::Failed {
                reason: ending(&instance),
            }),
            Known::Nothing => Ok(RuntimeObservation::Absent),
        }
    }

    /// What is seen of an instance; that it is on its way is said after a while, as that will be asked again.
    async fn awaited(&self, instance: Instance) -> Result<RuntimeObservation, DriverError> {
        let seen = self.seen(instance).await?;
        if matches!(seen, RuntimeObservation::Pending { .. }) {
            tokio::time::sleep(self.config.patience.pending).await;
        }
        Ok(seen)
    }

    /// Running is who runs for EC2 and whose agent answers SSM.
    async fn seen(&self, instance: Instance) -> Result<RuntimeObservation, DriverError> {
        let provider_ref = instance.id.clone();
        Ok(match instance.state {
            State::Running if self.is_online(&instance.id).await? => RuntimeObservation::Running {
                provider_ref,
                public_ip: instance.public_ip,
                // Not when it was launched: until now nothing could be done on it, and nothing is charged.
                since: self.ports.clock.now(),
            },
            State::Pending | State::Running | State::Stopping => pending(provider_ref),
            State::Stopped => RuntimeObservation::Stopped { provider_ref },
            State::ShuttingDown | State::Terminated | State::Unknown => RuntimeObservation::Failed {
                reason: ending(&instance),
            },
        })
    }

    async fn is_online(&self, id: &str) -> Result<bool, AwsError> {
        if !self.config.wait_for_agent {
            return Ok(true);
        }
        self.orders.ssm().is_online(id).await
    }

    fn require_region(&self, spec: &RuntimeSpec) -> Result<(), DriverError> {
        match &spec.region {
            Some(region) if *region != self.config.region => Err(DriverError::Permanent(format!(
                "this server makes runtimes in {} and not in {region}",
                self.config.region
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

/// Nothing can be done on an instance that is stopped or on its way.
fn up(instance: Instance) -> Result<Instance, DriverError> {
    if instance.state == State::Running {
        return Ok(instance);
    }
    let reason = format!("instance {} is not running", instance.id);
    Err(DriverError::Transient(reason))
}

fn pending(provider_ref: String) -> RuntimeObservation {
    RuntimeObservation::Pending { provider_ref }
}

/// EC2 takes 64 characters of ASCII.
fn client_token(identity: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, identity.as_bytes()))
}

fn ending(instance: &Instance) -> String {
    let state = match instance.state {
        State::Terminated => "was terminated",
        State::ShuttingDown => "is being terminated",
        State::Pending | State::Running | State::Stopping | State::Stopped | State::Unknown => "does not run",
    };
    let reason = instance.reason.as_deref().unwrap_or("EC2 gives no reason");
    format!("instance {} {state}: {reason}", instance.id)
}
