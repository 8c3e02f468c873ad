//! The template catalogue, which every account reads.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, TemplateId,
    template::{Bundle, Template, TemplateContent, TemplateEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A template as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateDoc {
    /// Its id.
    pub id: TemplateId,
    /// Name in addresses.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// Name of its icon.
    pub icon: String,
    /// What an agent made of it starts with.
    pub bundle: Bundle,
    /// Policy rules proposed for it, one per line.
    pub default_policy: String,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// When its content changed last.
    pub updated_at: DateTime<Utc>,
}

impl TemplateDoc {
    fn of(id: &TemplateId, content: &TemplateContent, created_at: DateTime<Utc>, at: DateTime<Utc>) -> Self {
        let content = content.clone();
        Self {
            id: id.clone(),
            slug: content.slug,
            name: content.name,
            description: content.description,
            icon: content.icon,
            bundle: content.bundle,
            default_policy: content.default_policy,
            created_at,
            updated_at: at,
        }
    }
}

impl Document for TemplateDoc {
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

/// The view of templates on offer.
#[derive(Debug)]
pub struct Templates;

impl Projection for Templates {
    type Doc = TemplateDoc;
    const NAME: &'static str = "templates";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["slug"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Template(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<TemplateDoc>, envelope: &Envelope) -> Option<TemplateDoc> {
        let AnyEvent::Template(event) = &envelope.event else {
            return doc;
        };
        let at = envelope.recorded_at;
        match event {
            TemplateEvent::Published { template_id, content } => {
                Some(TemplateDoc::of(template_id, content, at, at))
            }
            TemplateEvent::Revised { content } => {
                doc.map(|doc| TemplateDoc::of(&doc.id, content, doc.created_at, at))
            }
            TemplateEvent::Withdrawn {} => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source {
            aggregate_type: Template::TYPE,
            aggregate_id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
