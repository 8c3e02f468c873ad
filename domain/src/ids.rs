//! Typed ids. Their form belongs to the account's dialect; here an id is an opaque text.

use std::{borrow::Borrow, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($( $(#[$meta:meta])* $name:ident ),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id with this text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "maxLength": 128 })
            }
        }
    )*};
}

ids! {
    /// Of an account: who owns everything and is billed.
    AccountId,
    /// Of a person acting in an account.
    UserId,
    /// Of an API key; not the key itself.
    ApiKeyId,
    /// Of a policy.
    PolicyId,
    /// Of a template.
    TemplateId,
    /// Of an agent.
    AgentId,
    /// Of a runtime: the isolated computer an agent runs on.
    RuntimeId,
    /// Of a provisioning job.
    JobId,
    /// Of a task.
    TaskId,
    /// Of a conversation.
    ConversationId,
    /// Of a message in a conversation.
    MessageId,
    /// Of an entry in a ledger.
    EntryId,
    /// Of a value in the vault: a reference that says nothing about the value.
    VaultRef,
}
