//! Credits.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use crate::dialect::Millis;

/// An amount of credits, kept as micro-credits: whole ones are written without a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tropic) struct Credits(pub(in crate::tropic) i64);

const MICRO: i64 = 1_000_000;

impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % MICRO == 0 {
            return serializer.serialize_i64(self.0 / MICRO);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact below nine thousand million credits"
        )]
        let credits = self.0 as f64 / 1e6;
        serializer.serialize_f64(credits)
    }
}

impl JsonSchema for Credits {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Credits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// What is left.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Balance {
    pub(in crate::tropic) balance: Credits,
    pub(in crate::tropic) user_id: String,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::tropic) enum TransactionType {
    /// Credits came.
    Purchase,
    /// The VM ran.
    VmRuntime,
}

/// One line of the ledger.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Transaction {
    pub(in crate::tropic) id: String,
    /// Negative: credits went.
    pub(in crate::tropic) amount: Credits,
    #[serde(rename = "type")]
    pub(in crate::tropic) kind: TransactionType,
    pub(in crate::tropic) description: String,
    pub(in crate::tropic) created_at: Millis,
}

/// Credits to be bought.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::tropic) struct Checkout {
    /// How many credits.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::tropic) quantity: u32,
    /// Where the person goes after paying; an absolute http or https URL.
    #[schemars(url)]
    pub(in crate::tropic) success_url: String,
    /// Where the person goes instead.
    #[schemars(url)]
    pub(in crate::tropic) cancel_url: String,
}

/// Where a person pays.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct CheckoutPage {
    pub(in crate::tropic) url: String,
}

/// The provider's event was taken.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tropic) struct Received {
    /// Always true.
    pub(in crate::tropic) received: bool,
}
