//! Events: their stored names, versions and the union of them all.

use std::{fmt, ops::Range};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Decider;

/// The events of one aggregate.
///
/// Serialised they are `{"<event_type>": {<fields>}}`, the form stock `postgres-es` reads and writes.
pub trait Event:
    Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + Send + Sync + 'static
{
    /// Every stored name with its present schema version.
    const TYPES: &'static [(&'static str, u16)];
    /// The stored name: explicit, past tense, `CamelCase`, unique over all aggregates.
    fn event_type(&self) -> &'static str;
    /// The schema version of the payload, from 1.
    fn event_version(&self) -> u16;
}

/// Defines the events of one aggregate: an enum whose variants carry explicit stored names and
/// schema versions, with [`Event`] implemented.
///
/// ```text
/// events! {
///     /// What can happen to a lamp.
///     pub enum LampEvent {
///         /// Somebody switched it on.
///         SwitchedOn = "LampSwitchedOn", 1 {
///             /// How bright, in lumen.
///             lumen: u32,
///         },
///     }
/// }
/// ```
macro_rules! events {
    (
        $(#[$outer:meta])*
        pub enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $stored:literal, $version:literal {
                    $( $(#[$field_meta:meta])* $field:ident : $ty:ty ),* $(,)?
                }
            ),* $(,)?
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                #[serde(rename = $stored)]
                $variant { $( $(#[$field_meta])* $field : $ty ),* }
            ),*
        }

        impl $crate::Event for $name {
            const TYPES: &'static [(&'static str, u16)] = &[$(($stored, $version)),*];

            fn event_type(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $stored ),* }
            }

            fn event_version(&self) -> u16 {
                match self { $( Self::$variant { .. } => $version ),* }
            }
        }
    };
}
pub(crate) use events;

/// A stored event that this program cannot read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// No aggregate of that name is known.
    #[error("unknown aggregate type {0}")]
    UnknownAggregate(String),
    /// The payload was written by a newer program.
    #[error("{event_type} has schema version {version}, newer than this program's {known}")]
    TooNew {
        /// Stored name of the event.
        event_type: String,
        /// Version found in the log.
        version: u16,
        /// Newest version known here.
        known: u16,
    },
    /// The payload is not what its name and version promise.
    #[error("payload of {event_type} cannot be read: {reason}")]
    BadPayload {
        /// Stored name of the event.
        event_type: String,
        /// What the JSON reader said.
        reason: String,
    },
}

/// Turns a payload of one schema version into the next: pure, and kept for ever.
type Upcast = fn(Value) -> Value;

/// `(event_type, version the function takes, function)`. A historical payload of each stays as a fixture.
const UPCASTS: &[(&str, u16, Upcast)] = &[];

fn decode_as<E: Event>(event_type: &str, version: u16, payload: &str) -> Result<E, DecodeError> {
    let bad = |error: serde_json::Error| DecodeError::BadPayload {
        event_type: event_type.to_owned(),
        reason: error.to_string(),
    };
    let Some(&(_, known)) = E::TYPES.iter().find(|(name, _)| *name == event_type) else {
        return Err(DecodeError::BadPayload {
            event_type: event_type.to_owned(),
            reason: "unknown event type".to_owned(),
        });
    };
    if version == known {
        return serde_json::from_str(payload).map_err(bad);
    }
    if version > known {
        return Err(DecodeError::TooNew {
            event_type: event_type.to_owned(),
            version,
            known,
        });
    }
    let value: Value = serde_json::from_str(payload).map_err(bad)?;
    let value = upcast(UPCASTS, event_type, version..known, value)?;
    serde_json::from_value(value).map_err(bad)
}

/// Takes a payload through every version of `versions` to the one after the last.
fn upcast(
    upcasts: &[(&str, u16, Upcast)],
    event_type: &str,
    versions: Range<u16>,
    payload: Value,
) -> Result<Value, DecodeError> {
    versions.into_iter().try_fold(payload, |value, step| {
        let found = upcasts
            .iter()
            .find(|(name, from, _)| *name == event_type && *from == step);
        found
            .map(|(_, _, upcast)| upcast(value))
            .ok_or_else(|| DecodeError::BadPayload {
                event_type: event_type.to_owned(),
                reason: format!("no upcast from version {step}"),
            })
    })
}

macro_rules! any_event {
    ($( $(#[$meta:meta])* $variant:ident => $decider:ty ),* $(,)?) => {
        /// The union of all events. Closed on purpose: a new event breaks every fold that ignores it.
        #[derive(Debug, Clone, PartialEq)]
        pub enum AnyEvent {
            $( $(#[$meta])* $variant(<$decider as Decider>::Event) ),*
        }

        $(
            impl From<<$decider as Decider>::Event> for AnyEvent {
                fn from(event: <$decider as Decider>::Event) -> Self {
                    Self::$variant(event)
                }
            }
        )*

        impl AnyEvent {
            /// Every aggregate type with its event types and their present schema versions.
            pub const CATALOGUE: &'static [(&'static str, &'static [(&'static str, u16)])] =
                &[$( (<$decider as Decider>::TYPE, <<$decider as Decider>::Event as Event>::TYPES) ),*];

            /// Reads a stored event, upcasting old schema versions.
            pub fn decode(
                aggregate_type: &str,
                event_type: &str,
                version: u16,
                payload: &str,
            ) -> Result<Self, DecodeError> {
                $(
                    if aggregate_type == <$decider as Decider>::TYPE {
                        return decode_as(event_type, version, payload).map(Self::$variant);
                    }
                )*
                Err(DecodeError::UnknownAggregate(aggregate_type.to_owned()))
            }

            /// The payload as it is stored: `{"<event_type>": {<fields>}}`.
            pub fn to_payload(&self) -> String {
                let text = match self { $( Self::$variant(event) => serde_json::to_string(event) ),* };
                text.expect("events hold only strings, numbers and maps with string keys")
            }

            /// Name of the aggregate the event belongs to.
            pub fn aggregate_type(&self) -> &'static str {
                match self { $( Self::$variant(_) => <$decider as Decider>::TYPE ),* }
            }

            /// Stored name of the event.
            pub fn event_type(&self) -> &'static str {
                match self { $( Self::$variant(event) => event.event_type() ),* }
            }

            /// Schema version of the event.
            pub fn event_version(&self) -> u16 {
                match self { $( Self::$variant(event) => event.event_version() ),* }
            }
        }
    };
}

any_event! {
    /// Of an account.
    Account => crate::account::Account,
    /// Of what an agent did.
    Activity => crate::activity::Activity,
    /// Of an agent.
    Agent => crate::agent::Agent,
    /// Of an API key.
    ApiKey => crate::api_key::ApiKey,
    /// Of a conversation.
    Conversation => crate::conversation::Conversation,
    /// Of an agent's cron jobs.
    Cron => crate::cron::Cron,
    /// Of an invite code.
    InviteCode => crate::invite_code::InviteCode,
    /// Of a ledger.
    Ledger => crate::ledger::Ledger,
    /// Of signing in.
    Login => crate::login::Login,
    /// Of a machine.
    Machine => crate::machine::Machine,
    /// Of a policy.
    Policy => crate::policy::Policy,
    /// Of a provisioning job.
    ProvisioningJob => crate::provisioning_job::ProvisioningJob,
    /// Of a reservation.
    Reservation => crate::reservation::Reservation,
    /// Of a runtime.
    Runtime => crate::runtime::Runtime,
    /// Of an owner's secrets.
    Secrets => crate::secret::Secrets,
    /// Of a user's settings.
    Settings => crate::settings::Settings,
    /// Of a skill of the catalogue.
    Skill => crate::skill::Skill,
    /// Of an owner's installed skills.
    SkillInstallations => crate::skill_installation::SkillInstallations,
    /// Of a task.
    Task => crate::task::Task,
    /// Of a template.
    Template => crate::template::Template,
    /// Of a webhook.
    Webhook => crate::webhook::Webhook,
    /// Of an agent's workspace files.
    WorkspaceFiles => crate::workspace_file::WorkspaceFiles,
}

/// Calls `$then!(DeciderType)` once with the decider whose stream type is `$type`.
#[macro_export]
macro_rules! for_each_decider {
    ($then:ident) => {
        $then! {
            $crate::account::Account, $crate::activity::Activity, $crate::agent::Agent, $crate::api_key::ApiKey,
            $crate::conversation::Conversation, $crate::cron::Cron, $crate::invite_code::InviteCode,
            $crate::ledger::Ledger, $crate::login::Login, $crate::machine::Machine,
            $crate::policy::Policy,
            $crate::provisioning_job::ProvisioningJob, $crate::reservation::Reservation,
            $crate::runtime::Runtime, $crate::secret::Secrets, $crate::settings::Settings,
            $crate::task::Task, $crate::template::Template, $crate::workspace_file::WorkspaceFiles,
            $crate::webhook::Webhook, $crate::skill::Skill,
            $crate::skill_installation::SkillInstallations
        }
    };
}

#[cfg(test)]
mod tests;
