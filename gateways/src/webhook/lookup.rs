//! Names to addresses, each judged before anything connects to it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::rules::{Refused, WebhookRules};

/// Most names looked up at a time: the system's resolver takes a thread for each.
const AT_ONCE: usize = 64;

/// Looks names up.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// Every address of the name.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Debug)]
pub struct SystemLookup(Semaphore);

impl Default for SystemLookup {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let _turn = self.0.acquire().await.map_err(io::Error::other)?;
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name has no address")]
pub(super) struct NoAddress;

/// Looks up and judges: what is not allowed is never connected to, and the addresses judged are those connected to.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) rules: Arc<WebhookRules>,
    pub(super) lookup: Arc<dyn Lookup>,
    /// Whether it is over plain http.
    pub(super) plain: bool,
}

/// What became of a name.
#[derive(Debug)]
pub(super) enum Judged {
    Allowed(Vec<IpAddr>),
    Refused(Refused),
    NoAddress,
}

impl Guard {
    /// The name's addresses, if every one of them may be connected to.
    pub(super) async fn judge(&self, name: &str) -> Judged {
        let Ok(found) = self.lookup.addresses(name).await else {
            return Judged::NoAddress;
        };
        let refused = found
            .iter()
            .find_map(|address| self.rules.address(*address, self.plain).err());
        match refused {
            Some(refused) => Judged::Refused(refused),
            None if found.is_empty() => Judged::NoAddress,
            None => Judged::Allowed(found),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            match guard.judge(name.as_str()).await {
                Judged::Allowed(found) => {
                    let addresses = found.into_iter().map(|address| SocketAddr::new(address, 0));
                    Ok(Box::new(addresses) as Addrs)
                }
                Judged::Refused(refused) => Err(refused.into()),
                Judged::NoAddress => Err(NoAddress.into()),
            }
        })
    }
}
