//! The ports: what the write side needs of the world. Adapters implement them; none of them names another.

pub mod clock;
pub mod deliveries;
pub mod identity;
pub mod key_uses;
pub mod link;
pub mod log;
pub mod mail;
pub mod node;
pub mod payments;
pub mod runtime;
pub mod sightings;
pub mod tokens;
pub mod vault;
pub mod views;
pub mod webhook_sender;

pub use clock::{Clock, SystemClock};
pub use deliveries::{
    Attempt, AttemptQuery, Deliveries, DeliveryId, DeliveryRetry, DeliveryTrack, KeptDeliveries, LaneHealth,
    NotADelivery, SavedDeliveries, Standing, WEBHOOK_CHANGES, WEBHOOK_DISPATCHER,
};
pub use identity::{ExternalIdentity, SessionTokens, TokenError};
pub use key_uses::KeyUses;
pub use link::{MAX_FRAME, NodeLink, NodeLinks, Outgoing};
pub use log::{
    Append, Appended, Checkpoints, EventLog, EventQuery, Fence, Head, IdempotencyRecord, Idempotent, Lease,
    LogError, NewEvent, Parked, StreamAppend, StreamKey,
};
pub use mail::{Letter, Mail, MailError};
pub use node::{LogLevel, LogLine, LogLines, NodeEvents};
pub use payments::{CheckoutRequest, CheckoutSession, PaymentError, PaymentEvent, Payments};
pub use runtime::{
    AgentBundle, ChatChunk, ChatRequest, ChatTurn, DriverError, EffectToken, InstalledSkill, OwnedFile,
    OwnedFiles, RuntimeDriver, RuntimeObservation, RuntimeSettings, RuntimeSpec, TaskAssignment, Usage,
};
pub use sightings::{Sighting, Sightings};
pub use tokens::{AccountTokens, TokenHolder};
pub use vault::{Sealed, Vault, VaultError, VaultOwner};
pub use views::{Doc, Views, Workspace, WorkspaceEntry};
pub use webhook_sender::{MAX_ANSWER_BYTES, WebhookAnswer, WebhookFailure, WebhookPost, WebhookSender};
