//! What can happen to a machine.

use chrono::{DateTime, Utc};

use super::MachineKind;
use crate::{AccountId, MachineId, RuntimeId, UserId, event::events};

events! {
    /// What can happen to a machine.
    pub enum MachineEvent {
        /// It is on the list.
        Registered = "MachineRegistered", 1 {
            /// Its id.
            machine_id: MachineId,
            /// Whose account it is in.
            account_id: AccountId,
            /// Whose it is.
            user_id: UserId,
            /// Whose computer it is.
            kind: MachineKind,
            /// Display name.
            name: String,
            /// What its owner says of it.
            description: Option<String>,
            /// Hash of its activation code, hexadecimal.
            code_hash: Option<String>,
            /// When the code lapses.
            code_expires_at: Option<DateTime<Utc>>,
            /// The runtime it is, if there is one yet.
            runtime_id: Option<RuntimeId>,
        },
        /// Its activation code was used.
        Activated = "MachineActivated", 1 {
            /// Hash of the code, which works no longer.
            code_hash: String,
            /// SHA-256 of its node token, hexadecimal.
            token_hash: String,
            /// The runtime it is.
            runtime_id: RuntimeId,
        },
        /// Name or description are others.
        Updated = "MachineUpdated", 1 {
            /// The name from now on.
            name: String,
            /// The description from now on.
            description: Option<String>,
        },
        /// It is off the list.
        Removed = "MachineRemoved", 1 {
            /// Hash of its activation code, if that still worked.
            code_hash: Option<String>,
            /// SHA-256 of its node token, if it had one.
            token_hash: Option<String>,
        },
    }
}
