//! Where webhooks may go: what the operator allows beside the internet.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use reqwest::Certificate;
use url::{Host, Url};

use super::address::{connected, is_public};

/// Names that lead nowhere on the internet (RFC 6761, 6762, 8375, and what clouds call their own).
const LOCAL_NAMES: [&str; 6] = [
    "localhost",
    "local",
    "internal",
    "localdomain",
    "lan",
    "home.arpa",
];

/// Where webhooks may go, and whose word is believed there.
#[derive(Debug, Clone, Default)]
pub struct WebhookRules {
    allowed: Vec<IpNet>,
    allow_http: bool,
    ports: Vec<u16>,
    authorities: Vec<Certificate>,
}

/// The text holds no certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no certificate can be read from it")]
pub struct NoCertificate;

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network such as 10.1.0.0/16 or fd00::/8")]
pub struct NotANetwork(pub String);

/// Why a URL or an address is refused; for the webhook's owner, so without addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    NotAUrl,
    Scheme,
    Http,
    UserInfo,
    Port,
    LocalName,
    Address,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "not an absolute URL",
            Self::Scheme => "a webhook's URL is https",
            Self::Http => "a webhook's URL is https here",
            Self::UserInfo => "a webhook's URL has no user info",
            Self::Port => "webhooks may not go to that port",
            Self::LocalName => "the name is not one of the internet",
            Self::Address => "the host is, or its name leads to, an address that is not public",
        })
    }
}

impl std::error::Error for Refused {}

impl WebhookRules {
    /// Public addresses, and those of `networks`; over plain http only to `networks`, and only with `allow_http`;
    /// to these ports only, or to any if none is named.
    pub fn new(networks: &[String], allow_http: bool, ports: Vec<u16>) -> Result<Self, NotANetwork> {
        let parse = |text: &String| text.trim().parse().map_err(|_| NotANetwork(text.clone()));
        Ok(Self {
            allowed: networks.iter().map(parse).collect::<Result<_, _>>()?,
            allow_http,
            ports,
            authorities: Vec::new(),
        })
    }

    /// Receivers' certificates may also be from the authorities whose certificates, as PEM, are given here.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, NoCertificate> {
        let found = Certificate::from_pem_bundle(pem).map_err(|_| NoCertificate)?;
        if found.is_empty() {
            return Err(NoCertificate);
        }
        self.authorities.extend(found);
        Ok(self)
    }

    /// Authorities that are trusted beside the usual ones.
    pub(super) fn authorities(&self) -> impl Iterator<Item = Certificate> {
        self.authorities.iter().cloned()
    }

    /// Whether plain http is possible at all.
    pub(super) fn allows_http(&self) -> bool {
        self.allow_http
    }

    /// The URL, if its form is one that may be sent to. A name in it is judged when it is looked up.
    pub(super) fn url(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|_| Refused::NotAUrl)?;
        let plain = match url.scheme() {
            "https" => false,
            "http" if self.allow_http => true,
            "http" => return Err(Refused::Http),
            _ => return Err(Refused::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        let port = url.port_or_known_default().filter(|port| *port != 0);
        let port = port.ok_or(Refused::Port)?;
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            return Err(Refused::Port);
        }
        match url.host().ok_or(Refused::NotAUrl)? {
            Host::Ipv4(address) => self.address(address.into(), plain)?,
            Host::Ipv6(address) => self.address(address.into(), plain)?,
            Host::Domain(name) => self.name(name)?,
        }
        Ok(url)
    }

    /// Whether the address may be connected to, over plain http or not.
    pub(super) fn address(&self, address: IpAddr, plain: bool) -> Result<(), Refused> {
        let connected = connected(address);
        let allowed = self.allowed.iter().any(|net| net.contains(&connected));
        if allowed || (!plain && is_public(address)) {
            Ok(())
        } else {
            Err(Refused::Address)
        }
    }

    /// Names of the local network are asked for only where some of its addresses are allowed.
    fn name(&self, name: &str) -> Result<(), Refused> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_local = |local: &&str| {
            let rest = name.strip_suffix(*local);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if name.is_empty() || (self.allowed.is_empty() && LOCAL_NAMES.iter().any(is_local)) {
            return Err(Refused::LocalName);
        }
        Ok(())
    }
}
