//! Connections of people's machines: the HTTP side hands them over, a driver speaks over them.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::machine::ConnectedMachine;

/// Longest frame either side may send, in bytes.
pub const MAX_FRAME: usize = 4 << 20;

/// What goes out on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Frame(String),
    /// The last thing said: why the connection ends. Codes are those of WebSocket, 4000 and above are ours.
    Close {
        /// The code.
        code: u16,
        /// For people, at most 120 bytes.
        reason: &'static str,
    },
}

/// A connection of a machine that showed its token. It ends when either half is dropped.
#[derive(Debug)]
pub struct NodeLink {
    /// Text frames as they come.
    pub incoming: mpsc::Receiver<String>,
    /// Frames to be sent; bounded, so that a machine that does not read is noticed.
    pub outgoing: mpsc::Sender<Outgoing>,
}

/// Serves connections of machines.
#[async_trait]
pub trait NodeLinks: Send + Sync + 'static {
    /// Speaks with the machine until the connection ends.
    async fn serve(&self, machine: ConnectedMachine, link: NodeLink);
}
