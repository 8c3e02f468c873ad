//! What installed skills say, opened.

use std::collections::BTreeMap;

use reef_domain::{
    AccountId, AgentId,
    agent::Agent,
    skill_installation::{SkillInstallations, SkillOwner},
};
use reef_projections::{
    Filter, Query,
    views::skill_installation::{SkillInstallationDoc, SkillInstallations as View},
};
use serde::{Deserialize, Serialize};

use crate::{
    Bus, CommandError, Services,
    ports::{InstalledSkill, Sealed, VaultError, VaultOwner},
};

/// What a skill says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillText {
    /// What it is good for.
    pub description: Option<String>,
    /// Its files: path to text.
    pub files: BTreeMap<String, String>,
}

/// What a skill's content is bound to: it cannot be opened as another's, nor as an earlier one of that name.
pub(super) fn purpose(account: &AccountId, owner: &SkillOwner, name: &str, revision: u64) -> String {
    format!("{account}/skill_installation/{owner}/{name}/{revision}/content")
}

/// Opens an installed skill; `None`: its owner was removed.
pub async fn open(
    services: &Services,
    doc: &SkillInstallationDoc,
) -> Result<Option<SkillText>, CommandError> {
    let owner = VaultOwner(doc.owner.to_string());
    let purpose = purpose(&doc.account_id, &doc.owner, &doc.name, doc.revision);
    let sealed = Sealed(doc.content_sealed.clone());
    match services.vault.open(&owner, &purpose, &sealed).await {
        Ok(plain) => serde_json::from_slice(&plain)
            .map(Some)
            .map_err(|error| CommandError::Corrupt(format!("skill {}: {error}", doc.id))),
        Err(VaultError::Destroyed) => Ok(None),
        Err(error @ (VaultError::Absent | VaultError::Unopenable | VaultError::Unavailable(_))) => {
            Err(error.into())
        }
    }
}

/// Every skill that the agent has: its runtime's, and its own, which take the place of others of their name.
pub async fn installed_for(
    bus: &Bus,
    agent_id: &AgentId,
    agent: &Agent,
) -> Result<Vec<InstalledSkill>, CommandError> {
    let runtime = agent.runtime_id.clone().map(SkillOwner::Runtime);
    let mut all = BTreeMap::new();
    for owner in runtime.into_iter().chain([SkillOwner::Agent(agent_id.clone())]) {
        let known = bus.state::<SkillInstallations>(owner.to_string()).await?;
        if known.is_none_or(|known| known.skills.is_empty()) {
            continue;
        }
        let query = Query {
            filters: vec![Filter::Parent(owner.to_string())],
            ..Query::default()
        };
        for doc in bus.services().views.all::<View>(query).await? {
            let Some(text) = open(bus.services(), &doc).await? else {
                continue;
            };
            let skill = InstalledSkill {
                name: doc.name.clone(),
                description: text.description,
                files: text.files,
            };
            all.insert(doc.name, skill);
        }
    }
    Ok(all.into_values().collect())
}
