//! Typed ids. Their form belongs to the account's dialect; here an id is an opaque text.

use std::{borrow::Borrow, fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// What is said of a text that cannot be an id.
const NOT_AN_ID: &str = "an id has 1 to 128 letters, digits or punctuation marks of ASCII, and no slash";

/// Whether the text can be an id: clients choose some, and ids stand in paths, keys and logs.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

macro_rules! ids {
    ($( $(#[$meta:meta])* $name:ident ),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                if is_id(&text) { Ok(Self(text.into())) } else { Err(D::Error::custom(NOT_AN_ID)) }
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
                schemars::json_schema!({ "type": "string", "pattern": "^[!-.0-~]{1,128}$" })
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
    /// Of a machine: an entry in a user's list of computers.
    MachineId,
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
    /// Of a purchase of credits that was started.
    CheckoutId,
    /// Of a way a user signs in: 64 lower-case hexadecimal digits made of issuer and subject.
    IdentityId,
    /// Of an invite code: SHA-256 of the code, 64 lower-case hexadecimal digits.
    InviteCodeId,
    /// Of a value in the vault: a reference that says nothing about the value.
    VaultRef,
    /// Of a webhook.
    WebhookId,
    /// Of a skill of the catalogue.
    SkillId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_choose_as_an_id_fits_into_paths_and_keys() {
        let read = |text: &str| serde_json::from_value::<AgentId>(text.into());
        for good in [
            "a",
            "agt_7b2c1d3e",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            &"x".repeat(128),
        ] {
            assert_eq!(read(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a/b", "a\0", "\n", "\u{e9}", &"x".repeat(129)] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
