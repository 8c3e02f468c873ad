//! Skills that are installed, a document for each. Contents stay sealed here; whoever shows or uses them opens
//! them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope,
    skill_installation::{
        SkillInstallations as Installations, SkillInstallationsEvent, SkillKind, SkillOwner,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// An installed skill as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillInstallationDoc {
    /// The owner and the name: `<kind>/<id>/<name>`.
    pub id: String,
    /// The account that owns the owner.
    pub account_id: AccountId,
    /// Who has it, `<kind>/<id>`.
    pub owner: SkillOwner,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub kind: SkillKind,
    /// Its version, where it comes from the catalogue.
    pub version: Option<String>,
    /// Number of the change that installed it.
    pub revision: u64,
    /// Its files: path to size in bytes.
    pub files: BTreeMap<String, u64>,
    /// What it says, sealed under the owner's data key.
    pub content_sealed: String,
    /// When it was installed.
    pub created_at: DateTime<Utc>,
}

/// Id of the document of an owner's skill.
pub fn id_of(owner: &str, name: &str) -> String {
    format!("{owner}/{name}")
}

impl Document for SkillInstallationDoc {
    fn id(&self) -> &str {
        &self.id
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
    }

    /// The owner: its document's id without the name.
    fn parent_id(&self) -> Option<&str> {
        self.id.rsplit_once('/').map(|(owner, _)| owner)
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of installed skills.
#[derive(Debug)]
pub struct SkillInstallations;

impl Projection for SkillInstallations {
    type Doc = SkillInstallationDoc;
    const NAME: &'static str = "skill_installations";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["name"];
    const PARENT: Option<&'static str> = Some("owner");

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        let AnyEvent::SkillInstallations(event) = &envelope.event else {
            return vec![];
        };
        let owner = &envelope.aggregate_id;
        match event {
            SkillInstallationsEvent::Installed { name, .. }
            | SkillInstallationsEvent::Uninstalled { name, .. } => vec![Touch::one(id_of(owner, name))],
            SkillInstallationsEvent::Purged {} => vec![Touch::PurgeChildrenOf(owner.clone())],
        }
    }

    fn fold(doc: Option<SkillInstallationDoc>, envelope: &Envelope) -> Option<SkillInstallationDoc> {
        let AnyEvent::SkillInstallations(event) = &envelope.event else {
            return doc;
        };
        match event {
            SkillInstallationsEvent::Installed {
                account_id,
                owner,
                name,
                kind,
                version,
                revision,
                files,
                content_sealed,
            } => Some(SkillInstallationDoc {
                id: id_of(&envelope.aggregate_id, name),
                account_id: account_id.clone(),
                owner: owner.clone(),
                name: name.clone(),
                kind: *kind,
                version: version.clone(),
                revision: *revision,
                files: files.clone(),
                content_sealed: content_sealed.clone(),
                created_at: envelope.recorded_at,
            }),
            SkillInstallationsEvent::Uninstalled { .. } | SkillInstallationsEvent::Purged {} => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        id.rsplit_once('/').map(|(owner, _)| Source {
            aggregate_type: Installations::TYPE,
            aggregate_id: owner.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
