//! Contents of activities: sealed before they are recorded, opened only to be shown or delivered.

use reef_domain::{
    AccountId, AgentId, MessageId,
    activity::{ActivityRecord, Keeper},
};

use crate::ports::{Sealed, Vault, VaultError, VaultOwner};

/// What a content is bound to: it cannot be opened as another's.
fn purpose(account: &AccountId, agent: &AgentId, activity: &MessageId) -> String {
    format!("{account}/activity/{agent}/{activity}/content")
}

/// Seals the content of the activity under its keeper's data key.
pub async fn seal_activity(
    vault: &dyn Vault,
    record: &ActivityRecord,
    content: &str,
) -> Result<Sealed, VaultError> {
    let owner = VaultOwner::new(record.keeper.name(), record.keeper_id());
    let purpose = purpose(&record.account_id, &record.agent_id, &record.activity_id);
    vault.seal(&owner, &purpose, content.as_bytes()).await
}

/// What the content of an activity is opened by; documents and events have it all.
#[derive(Debug, Clone, Copy)]
pub struct SealedActivity<'a> {
    /// The activity's id.
    pub activity_id: &'a MessageId,
    /// Who pays.
    pub account_id: &'a AccountId,
    /// Whose it is.
    pub agent_id: &'a AgentId,
    /// With whose data key it goes.
    pub keeper: Keeper,
    /// The keeper's id.
    pub keeper_id: &'a str,
    /// The sealed content.
    pub content_sealed: &'a str,
}

impl<'a> From<&'a ActivityRecord> for SealedActivity<'a> {
    fn from(record: &'a ActivityRecord) -> Self {
        Self {
            activity_id: &record.activity_id,
            account_id: &record.account_id,
            agent_id: &record.agent_id,
            keeper: record.keeper,
            keeper_id: record.keeper_id(),
            content_sealed: &record.content_sealed,
        }
    }
}

impl<'a> From<&'a reef_projections::views::activity::ActivityDoc> for SealedActivity<'a> {
    fn from(doc: &'a reef_projections::views::activity::ActivityDoc) -> Self {
        Self {
            activity_id: &doc.id,
            account_id: &doc.account_id,
            agent_id: &doc.agent_id,
            keeper: doc.keeper,
            keeper_id: &doc.keeper_id,
            content_sealed: &doc.content_sealed,
        }
    }
}

/// Opens what [`seal_activity`] sealed; [`VaultError::Destroyed`] once its keeper was removed.
pub async fn open_activity(
    vault: &dyn Vault,
    activity: impl Into<SealedActivity<'_>>,
) -> Result<String, VaultError> {
    let SealedActivity {
        activity_id,
        account_id,
        agent_id,
        keeper,
        keeper_id,
        content_sealed,
    } = activity.into();
    let owner = VaultOwner::new(keeper.name(), keeper_id);
    let purpose = purpose(account_id, agent_id, activity_id);
    let plain = vault
        .open(&owner, &purpose, &Sealed(content_sealed.to_owned()))
        .await?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}
