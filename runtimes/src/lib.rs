//! Where agents run, and what answers for them.
//!
//! [`embedded`] is a runtime inside the server: it keeps workspace files and memory, claims tasks, applies
//! the policy, and answers through [`model`]: an OpenAI-compatible server, Anthropic, or, with neither
//! configured, a small local responder that says what it is. [`ec2`] has an instance per runtime with an `OpenClaw`
//! gateway on it. [`local`] makes people's own machines runtimes; what runs there is a [`node`], which a local gateway ([`openclaw`]) may answer for. [`log_lines`] keeps
//! what runtimes print.
//!
//! **Architecture invariant:** drivers keep no state of their own between calls. What a runtime is and what
//! an agent remembers lies in the workspace store, so any server of an installation can serve any agent.

mod admission;
pub mod ec2;
pub mod embedded;
mod judge;
pub mod local;
pub mod log_lines;
pub mod model;
pub mod node;
pub mod openclaw;
mod reports;

pub use ec2::{Ec2Config, Ec2Driver, Ec2Ports};
pub use embedded::{EmbeddedDriver, EmbeddedPorts};
pub use local::{Hub, HubConfig, LocalDriver};
pub use log_lines::MemoryLogLines;
pub use model::{ModelConfig, ModelProvider};
