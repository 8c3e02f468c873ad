//! Where people's machines come in.

use serde_json::{Value, json};

use super::{JSON, TEXT};
use crate::native::openapi::{Route, Who};

const GROUP: &str = "Machines";

pub(super) fn node(answer: &Value) -> [Route; 2] {
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
    [
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
