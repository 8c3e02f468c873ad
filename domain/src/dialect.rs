//! The home dialect of an account: which wire API its own clients speak.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A dialect. A property of the account; the core never branches on it beyond the settings it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The native API.
    #[default]
    Native,
    /// Tropic.
    Tropic,
    /// Agentbot.
    Agentbot,
    /// Thermidora.
    Thermidora,
    /// `ExpressClaw`.
    Expressclaw,
    /// Agento.
    Agento,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 6] = [
        Self::Native,
        Self::Tropic,
        Self::Agentbot,
        Self::Thermidora,
        Self::Expressclaw,
        Self::Agento,
    ];

    /// Lower-case name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Tropic => "tropic",
            Self::Agentbot => "agentbot",
            Self::Thermidora => "thermidora",
            Self::Expressclaw => "expressclaw",
            Self::Agento => "agento",
        }
    }

    /// The dialect of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}
