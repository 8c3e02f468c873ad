//! Contents of messages: sealed before they are decided on, opened only to be shown.

use reef_domain::{AccountId, AgentId, ConversationId, MessageId};

use crate::ports::{Sealed, Vault, VaultError, VaultOwner};

/// What a message's content is bound to: it cannot be opened as another's.
fn purpose(account: &AccountId, conversation: &ConversationId, message: &MessageId) -> String {
    format!("{account}/conversation/{conversation}/{message}/content")
}

/// Seals a message's content under its agent's data key.
pub async fn seal_message(
    vault: &dyn Vault,
    account: &AccountId,
    agent: &AgentId,
    conversation: &ConversationId,
    message: &MessageId,
    content: &str,
) -> Result<Sealed, VaultError> {
    let owner = VaultOwner::new("agent", agent);
    vault
        .seal(
            &owner,
            &purpose(account, conversation, message),
            content.as_bytes(),
        )
        .await
}

/// Opens what [`seal_message`] sealed; [`VaultError::Destroyed`] once the agent was deleted.
pub async fn open_message(
    vault: &dyn Vault,
    account: &AccountId,
    agent: &AgentId,
    conversation: &ConversationId,
    message: &MessageId,
    sealed: &str,
) -> Result<String, VaultError> {
    let owner = VaultOwner::new("agent", agent);
    let plain = vault
        .open(
            &owner,
            &purpose(account, conversation, message),
            &Sealed(sealed.to_owned()),
        )
        .await?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}
