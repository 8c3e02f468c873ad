//! Widget: say here what it is, in one sentence.
//!
//! **Invariants:** a deleted widget never changes again.

use serde::{Deserialize, Serialize};

use crate::{AccountId, AnyEvent, Decider, Refusal, RefusalKind, WidgetId, event::events, text};

/// A widget, as far as decisions need it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Widget {
    /// Its id, once it exists.
    pub widget_id: Option<WidgetId>,
    /// Whose account it is in.
    pub account_id: Option<AccountId>,
    /// Display name.
    pub name: String,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// What a widget can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum WidgetCommand {
    /// Make it.
    Create {
        /// New id.
        widget_id: WidgetId,
        /// Whose account it is in.
        account_id: AccountId,
        /// Display name, 1 to 100 characters.
        name: String,
    },
    /// Call it something else.
    Rename {
        /// The name from now on.
        name: String,
    },
    /// Remove it for good.
    Delete,
}

events! {
    /// What can happen to a widget.
    pub enum WidgetEvent {
        /// It was made.
        Created = "WidgetCreated", 1 {
            /// Its id.
            widget_id: WidgetId,
            /// Whose account it is in.
            account_id: AccountId,
            /// Display name.
            name: String,
        },
        /// It has another name.
        Renamed = "WidgetRenamed", 1 {
            /// The name from now on.
            name: String,
        },
        /// It is gone.
        Deleted = "WidgetDeleted", 1 {},
    }
}

/// Why a widget says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WidgetRefusal {
    /// No such widget.
    #[error("there is no such widget")]
    WidgetNotFound,
    /// The id is taken.
    #[error("the widget already exists")]
    WidgetAlreadyExists,
    /// 1 to 100 printable characters.
    #[error("a name has 1 to 100 characters, none of them a control character")]
    NameInvalid,
}

impl Refusal for WidgetRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::WidgetNotFound => "widget_not_found",
            Self::WidgetAlreadyExists => "widget_already_exists",
            Self::NameInvalid => "name_invalid",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::WidgetNotFound => RefusalKind::NotFound,
            Self::WidgetAlreadyExists => RefusalKind::Conflict,
            Self::NameInvalid => RefusalKind::Invalid,
        }
    }
}

impl Decider for Widget {
    const TYPE: &'static str = "widget";
    type Command = WidgetCommand;
    type Event = WidgetEvent;
    type Refusal = WidgetRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal> {
        let live = self.widget_id.is_some() && !self.deleted;
        match command {
            WidgetCommand::Create { .. } if self.widget_id.is_some() => Err(WidgetRefusal::WidgetAlreadyExists),
            WidgetCommand::Create { widget_id, account_id, name } => {
                let name = text::name(&name, 100).ok_or(WidgetRefusal::NameInvalid)?;
                Ok(vec![WidgetEvent::Created { widget_id, account_id, name }])
            }
            WidgetCommand::Rename { .. } | WidgetCommand::Delete if !live => Err(WidgetRefusal::WidgetNotFound),
            WidgetCommand::Rename { name } => {
                let name = text::name(&name, 100).ok_or(WidgetRefusal::NameInvalid)?;
                Ok(if name == self.name { vec![] } else { vec![WidgetEvent::Renamed { name }] })
            }
            WidgetCommand::Delete => Ok(vec![WidgetEvent::Deleted {}]),
        }
    }

    fn evolve(&mut self, event: &Self::Event) {
        match event {
            WidgetEvent::Created { widget_id, account_id, name } => {
                self.widget_id = Some(widget_id.clone());
                self.account_id = Some(account_id.clone());
                self.name.clone_from(name);
            }
            WidgetEvent::Renamed { name } => self.name.clone_from(name),
            WidgetEvent::Deleted {} => self.deleted = true,
        }
    }

    fn account_id(&self) -> Option<&AccountId> {
        self.account_id.as_ref()
    }

    fn is_gone(&self) -> bool {
        self.deleted
    }

    fn event_of(any: &AnyEvent) -> Option<&Self::Event> {
        if let AnyEvent::Widget(event) = any { Some(event) } else { None }
    }
}

#[cfg(test)]
mod tests;
