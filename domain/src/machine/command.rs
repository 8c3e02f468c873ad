//! What a machine can be asked.

use chrono::{DateTime, Utc};

use crate::{AccountId, Change, MachineId, RuntimeId, UserId};

/// What a machine can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum MachineCommand {
    /// Put it on the list.
    Register {
        /// New id.
        machine_id: MachineId,
        /// Whose account it is in.
        account_id: AccountId,
        /// Whose it is.
        user_id: UserId,
        /// Display name, 1 to 100 characters.
        name: String,
        /// What its owner says of it, at most 500 characters.
        description: Option<String>,
        /// Hash of the activation code, 64 lower-case hexadecimal digits, and when it lapses; `None`: it is a
        /// runtime of ours and needs none.
        activation: Option<(String, DateTime<Utc>)>,
        /// The runtime it is, if there is one yet.
        runtime_id: Option<RuntimeId>,
    },
    /// Use the activation code.
    Activate {
        /// Hash of the code that was shown.
        code_hash: String,
        /// SHA-256 of the new node token, 64 lower-case hexadecimal digits.
        token_hash: String,
        /// The runtime it is from now on.
        runtime_id: RuntimeId,
        /// When it was shown.
        now: DateTime<Utc>,
    },
    /// Change what is given, leave the rest.
    Update {
        /// Another name.
        name: Option<String>,
        /// Another description, or none.
        description: Change<String>,
    },
    /// Take it off the list: its code and its token work no longer.
    Remove,
}
