//! Addresses of services outside, as the operator configures them.

use std::net::IpAddr;

use url::{Host, Url};

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("{0:?} is not an absolute URL")]
    NotAUrl(String),
    /// Keys and secrets do not travel in the clear.
    #[error("{0:?} must be https; http is for the loopback only")]
    NotHttps(String),
}

/// The address, if what is sent there and comes from there is protected on its way.
pub(crate) fn protected(text: &str) -> Result<Url, AddressError> {
    let url = Url::parse(text).map_err(|_| AddressError::NotAUrl(text.to_owned()))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => return Err(AddressError::NotAUrl(text.to_owned())),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(AddressError::NotHttps(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_loopback_is_https() {
        for good in [
            "https://a.example",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost:1/x",
        ] {
            protected(good).unwrap();
        }
        for bad in [
            "http://a.example",
            "ftp://127.0.0.1",
            "http://localhost.a.example",
            "http://10.0.0.1",
        ] {
            assert_eq!(protected(bad), Err(AddressError::NotHttps(bad.to_owned())));
        }
        for bad in ["", "a.example", "/x", "mailto:a@b"] {
            assert_eq!(protected(bad), Err(AddressError::NotAUrl(bad.to_owned())));
        }
    }
}
