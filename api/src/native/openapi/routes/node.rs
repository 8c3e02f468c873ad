//! Where people's machines come in.

use reef_projections::{Projection as _, views::machine::Machines};
use serde_json::{Value, json};

use super::{JSON, TEXT};
use crate::native::{
    openapi::{Route, Who},
    views,
};

const GROUP: &str = "Machines";

pub(super) fn node(answer: &Value, listed: &Value) -> [Route; 3] {
    let body = json!({
        "type": "object",
        "required": ["activation_code"],
        "additionalProperties": false,
        "properties": {
            "activation_code": {
                "type": "string",
                "description": "As `RegisterMachine` showed it; works once.",
            },
        },
    });
    let page = json!({
        "type": "object",
        "required": ["data"],
        "properties": { "data": { "type": "array", "items": listed } },
    });
    [
        Route::get(
            GROUP,
            "/v1/machines",
            "listMachinesSeen",
            "Machines, what they do and when they were seen last",
        )
        .needs(views::scope(Machines::NAME))
        .query("account_id", "The account; needed only from the operator.")
        .answers(JSON, page),
        Route::post(
            GROUP,
            "/v1/node/activate",
            "activateNode",
            "Use an activation code",
            Some(body),
        )
        .says("The code is the credential; no other is needed. `result.node_token` is shown once.")
        .only_for(Who::Anybody)
        .answers(JSON, answer.clone())
        .fails(&[404, 409, 503]),
        Route::get(
            GROUP,
            "/v1/node/connect",
            "connectNode",
            "The connection of a machine",
        )
        .says("A WebSocket that speaks the node protocol. The credential is a node token.")
        .only_for(Who::Anybody)
        .answers(TEXT, json!({ "type": "string" }))
        .fails(&[400, 401]),
    ]
}
