//! Tamper evidence.

use serde_json::json;

use super::{JSON, TEXT};
use crate::native::openapi::{Route, Who};

pub(super) fn log() -> [Route; 5] {
    let base64 = json!({ "type": "string", "contentEncoding": "base64" });
    let proof = |fields: &[&str], hashes: &[&str]| {
        let mut properties = json!({ "proof": { "type": "array", "items": base64 } });
        for field in fields {
            properties[*field] = json!({ "type": "integer" });
        }
        for hash in hashes {
            properties[*hash] = base64.clone();
        }
        json!({ "type": "object", "required": ["proof"], "properties": properties })
    };
    [
        Route::get(
            "Log",
            "/v1/log/checkpoint",
            "getCheckpoint",
            "The signed checkpoint of the log",
        )
        .says("A C2SP checkpoint: origin, number of events, root hash, Ed25519 signature. Keep it elsewhere.")
        .answers(TEXT, json!({ "type": "string" })),
        Route::get(
            "Log",
            "/v1/log/key",
            "getCheckpointKey",
            "The key that checkpoints are verified with",
        )
        .answers(TEXT, json!({ "type": "string" })),
        Route::get(
            "Log",
            "/v1/log/leaves",
            "listLeafHashes",
            "Leaf hashes in order of position",
        )
        .says("Hexadecimal. With them an export of events can be checked event by event.")
        .only_for(Who::Operator)
        .position(
            "after",
            "Only those after this position; from the first when absent.",
        )
        .number("limit", "At most so many.", 1, 1000)
        .answers(
            JSON,
            json!({
                "type": "object",
                "required": ["data", "position"],
                "properties": {
                    "data": { "type": "array", "items": { "type": "string" } },
                    "position": { "type": "integer" },
                },
            }),
        ),
        Route::get(
            "Log",
            "/v1/log/proof/inclusion",
            "proveInclusion",
            "Proof that an event is in the log",
        )
        .says("RFC 6962: the leaf's index is its position less one. Accounts may ask about their own events.")
        .position("position", "Position of the event.")
        .required()
        .position("size", "Number of events in the log; now when absent.")
        .answers(
            JSON,
            proof(&["position", "index", "size"], &["leaf_hash", "root"]),
        )
        .fails(&[404]),
        Route::get(
            "Log",
            "/v1/log/proof/consistency",
            "proveConsistency",
            "Proof that the log was only added to",
        )
        .only_for(Who::Operator)
        .position("from", "Number of events in the older log.")
        .required()
        .position("to", "Number of events in the newer log; now when absent.")
        .answers(JSON, proof(&["from", "to"], &["from_root", "to_root"])),
    ]
}
