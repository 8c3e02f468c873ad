//! Widgets: what accounts do with them.

use reef_domain::{
    AccountId, WidgetId,
    widget::{Widget, WidgetCommand},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Audience, CommandError, CommandSpec, Outcome, Unit, UseCase};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::of::<CreateWidget>(),
    CommandSpec::of::<RenameWidget>(),
    CommandSpec::of::<DeleteWidget>(),
];

/// Makes a widget.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWidget {
    /// Display name, 1 to 100 characters.
    pub name: String,
    /// The account; the caller's own when absent.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Its id; made when absent.
    #[serde(default)]
    pub widget_id: Option<WidgetId>,
}

impl UseCase for CreateWidget {
    const NAME: &'static str = "CreateWidget";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "widgets:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        let account_id = unit.account(self.account_id.as_ref())?;
        let widget_id = self.widget_id.clone().unwrap_or_else(|| unit.new_id("widget_"));
        let create = WidgetCommand::Create { widget_id: widget_id.clone(), account_id, name: self.name.clone() };
        unit.decide::<Widget>(&widget_id, create).await?;
        Ok(Outcome::of::<Widget>(&widget_id))
    }
}

/// Gives a widget another name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameWidget {
    /// Which.
    pub widget_id: WidgetId,
    /// The name from now on, 1 to 100 characters.
    pub name: String,
}

impl UseCase for RenameWidget {
    const NAME: &'static str = "RenameWidget";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "widgets:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Widget>(&self.widget_id).await?;
        unit.decide::<Widget>(&self.widget_id, WidgetCommand::Rename { name: self.name.clone() }).await?;
        Ok(Outcome::of::<Widget>(&self.widget_id))
    }
}

/// Removes a widget for good.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteWidget {
    /// Which.
    pub widget_id: WidgetId,
}

impl UseCase for DeleteWidget {
    const NAME: &'static str = "DeleteWidget";
    const AUDIENCE: Audience = Audience::Account;
    const SCOPE: &'static str = "widgets:write";

    async fn handle(&self, unit: &mut Unit<'_>) -> Result<Outcome, CommandError> {
        unit.edit::<Widget>(&self.widget_id).await?;
        unit.decide::<Widget>(&self.widget_id, WidgetCommand::Delete).await?;
        Ok(Outcome::of::<Widget>(&self.widget_id))
    }
}
