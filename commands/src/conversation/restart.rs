//! Messages to a runtime that restarts: they wait a while.

use std::time::Duration;

use reef_domain::{RuntimeId, runtime::Runtime};

use crate::{Bus, CommandError, Loaded, ports::DriverError};

/// How long a message waits for a restart to be over.
const PATIENCE: Duration = Duration::from_secs(30);

/// The runtime once no restart of it is under way.
pub(super) async fn settled(bus: &Bus, id: &RuntimeId) -> Result<Option<Loaded<Runtime>>, CommandError> {
    let wait = async {
        let mut head = bus.services().log.watch();
        loop {
            let runtime = bus.state::<Runtime>(id).await?;
            if !runtime.as_ref().is_some_and(|runtime| runtime.restarting) || head.changed().await.is_err() {
                return Ok(runtime);
            }
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(runtime) => runtime,
        Err(_) => Err(DriverError::Transient("the runtime is restarting".to_owned()).into()),
    }
}
