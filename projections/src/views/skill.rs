//! The catalogue of skills, which everybody reads.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, SkillId,
    skill::{Skill, SkillContent, SkillEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A skill of the catalogue as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkillDoc {
    /// Its id, which is its name in addresses.
    pub id: SkillId,
    /// Display name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// What it is filed under.
    pub category: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Its version.
    pub version: String,
    /// Its files: path to text.
    pub files: BTreeMap<String, String>,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// When its content changed last.
    pub updated_at: DateTime<Utc>,
}

impl SkillDoc {
    fn of(id: &SkillId, content: &SkillContent, created_at: DateTime<Utc>, at: DateTime<Utc>) -> Self {
        let content = content.clone();
        Self {
            id: id.clone(),
            name: content.name,
            description: content.description,
            author: content.author,
            category: content.category,
            tags: content.tags,
            version: content.version,
            files: content.files,
            created_at,
            updated_at: at,
        }
    }
}

impl Document for SkillDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        None
    }

    fn parent_id(&self) -> Option<&str> {
        None
    }

    fn status(&self) -> Option<&str> {
        None
    }

    fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

/// The view of skills on offer.
#[derive(Debug)]
pub struct Skills;

impl Projection for Skills {
    type Doc = SkillDoc;
    const NAME: &'static str = "skills";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["category"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Skill(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<SkillDoc>, envelope: &Envelope) -> Option<SkillDoc> {
        let AnyEvent::Skill(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        match event {
            SkillEvent::Published { skill_id, content } => Some(SkillDoc::of(skill_id, content, at, at)),
            SkillEvent::Revised { content } => {
                doc.map(|doc| SkillDoc::of(&doc.id, content, doc.created_at, at))
            }
            SkillEvent::Withdrawn {} => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Skill::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
