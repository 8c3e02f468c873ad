//! Widgets.

use chrono::{DateTime, Utc};
use reef_domain::{
    AccountId, AnyEvent, Decider, Envelope, WidgetId,
    widget::{Widget, WidgetEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Projection, Source, Touch};

/// A widget as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WidgetDoc {
    /// Its id.
    pub id: WidgetId,
    /// Whose account it is in.
    pub account_id: AccountId,
    /// Display name.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl Document for WidgetDoc {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn account_id(&self) -> Option<&AccountId> {
        Some(&self.account_id)
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

/// The view of widgets.
#[derive(Debug)]
pub struct Widgets;

impl Projection for Widgets {
    type Doc = WidgetDoc;
    const NAME: &'static str = "widgets";
    const VERSION: u32 = 1;
    const FILTERS: &'static [&'static str] = &["name"];

    fn touches(envelope: &Envelope) -> Vec<Touch> {
        if matches!(envelope.event, AnyEvent::Widget(_)) {
            vec![Touch::One(envelope.aggregate_id.clone())]
        } else {
            vec![]
        }
    }

    fn fold(doc: Option<WidgetDoc>, envelope: &Envelope) -> Option<WidgetDoc> {
        let AnyEvent::Widget(event) = &envelope.event else { return doc };
        let at = envelope.recorded_at;
        match event {
            WidgetEvent::Created { widget_id, account_id, name } => Some(WidgetDoc {
                id: widget_id.clone(),
                account_id: account_id.clone(),
                name: name.clone(),
                created_at: at,
                updated_at: at,
            }),
            WidgetEvent::Renamed { name } => {
                let mut doc = doc?;
                doc.name.clone_from(name);
                doc.updated_at = at;
                Some(doc)
            }
            WidgetEvent::Deleted {} => None,
        }
    }

    fn source(id: &str, _: Option<&str>) -> Option<Source> {
        Some(Source { aggregate_type: Widget::TYPE, aggregate_id: id.to_owned() })
    }
}
