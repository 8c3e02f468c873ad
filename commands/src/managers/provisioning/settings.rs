//! What owners set for their shared runtimes, and what those took of it.

use reef_domain::{
    RuntimeId, UserId,
    reservation::Reservation,
    runtime::{Runtime, RuntimeStatus, Tenancy},
    settings::{Settings, SettingsCommand},
};

use super::{Provisioning, agents::patiently, late_is_fine};
use crate::{
    follower::{Cause, EffectError},
    ports::{RuntimeSettings, RuntimeSpec},
    runtime::shared_runtime_reservation,
};

impl Provisioning {
    /// Brings the user's shared runtime up to date if it runs; if not, its start will.
    pub(super) async fn configure_of(&self, user: &UserId, cause: &Cause) -> Result<(), EffectError> {
        let held = self
            .0
            .bus
            .state::<Reservation>(shared_runtime_reservation(user))
            .await?;
        match held.and_then(|held| held.holders.first().cloned()) {
            Some(runtime) => self.configure(&RuntimeId::from(runtime), cause).await,
            None => Ok(()),
        }
    }

    /// Has a running shared runtime take its owner's settings, until what it took is what they are: of two
    /// that do this at once, whoever comes last has seen the latest.
    pub(super) async fn configure(&self, id: &RuntimeId, cause: &Cause) -> Result<(), EffectError> {
        while let Some((runtime, spec)) = self.wanted(id, RuntimeStatus::Running).await? {
            let Some(owner) = owner_of(&runtime) else {
                return Ok(());
            };
            let taken = self.settings_of(owner).await?;
            self.apply(&runtime, &spec, &taken, cause).await?;
            self.record_taken(&runtime, owner, &taken, cause).await?;
            let now = self.settings_of(owner).await?;
            if (&now.bundles, &now.firewall) == (&taken.bundles, &taken.firewall) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn settings_of(&self, owner: &UserId) -> Result<Settings, EffectError> {
        let settings = self.0.bus.state::<Settings>(owner).await?;
        Ok(settings.map_or_else(Settings::default, |loaded| (*loaded.state).clone()))
    }

    async fn apply(
        &self,
        runtime: &Runtime,
        spec: &RuntimeSpec,
        settings: &Settings,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let driver = self.0.driver(&runtime.provider)?;
        let settings = RuntimeSettings {
            command_bundles: settings.bundles.iter().map(|on| on.name().to_owned()).collect(),
            firewall: settings
                .firewall
                .iter()
                .map(|(port, blocks)| (port.to_string(), blocks.iter().map(ToString::to_string).collect()))
                .collect(),
        };
        let token = cause.token();
        Ok(patiently(spec.runtime_id.as_str(), || {
            driver.configure(spec, &settings, &token)
        })
        .await?)
    }

    async fn record_taken(
        &self,
        runtime: &Runtime,
        owner: &UserId,
        taken: &Settings,
        cause: &Cause,
    ) -> Result<(), EffectError> {
        let (Some(account_id), Some(runtime_id)) = (&runtime.account_id, &runtime.runtime_id) else {
            return Ok(());
        };
        let report = SettingsCommand::ReportPushed {
            account_id: account_id.clone(),
            user_id: owner.clone(),
            runtime_id: runtime_id.clone(),
            bundles: taken.bundles.clone(),
            rules: taken.firewall.clone(),
        };
        late_is_fine(
            self.0
                .bus
                .decide::<Settings>(owner, report, &cause.request("settings"))
                .await,
        )
    }
}

/// Settings are a user's; they are for the runtime that the user's agents share.
fn owner_of(runtime: &Runtime) -> Option<&UserId> {
    runtime
        .owner_user_id
        .as_ref()
        .filter(|_| runtime.tenancy == Tenancy::Shared)
}
