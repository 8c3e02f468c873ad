//! The driver against a fake of EC2's and SSM's wire, which can fail as they do and which runs scripts for
//! real, and against moto.

mod agents;
mod environment;
mod fake;
mod faults;
mod lifecycle;
mod machine;
mod moto;
mod parameters;
mod stage;
