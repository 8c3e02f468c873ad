//! Who is believed about where a request comes from.

use axum::http::HeaderValue;

use super::*;

fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
    let mut extensions = Extensions::new();
    extensions.insert(Peer(SocketAddr::new(peer.parse().unwrap(), 1)));
    let mut headers = HeaderMap::new();
    for text in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_str(text).unwrap());
    }
    let trusted: Vec<IpAddr> = trusted.iter().map(|ip| ip.parse().unwrap()).collect();
    address(&extensions, &headers, &trusted).to_string()
}

#[test]
fn a_stranger_cannot_choose_its_address() {
    assert_eq!(seen("9.9.9.9", &["1.2.3.4"], &["10.0.0.1"]), "9.9.9.9");
}

#[test]
fn a_trusted_proxy_is_believed_about_the_last_hop_only() {
    assert_eq!(seen("10.0.0.1", &["6.6.6.6, 1.2.3.4"], &["10.0.0.1"]), "1.2.3.4");
    assert_eq!(
        seen(
            "10.0.0.1",
            &["6.6.6.6", "1.2.3.4, 10.0.0.2"],
            &["10.0.0.1", "10.0.0.2"]
        ),
        "1.2.3.4"
    );
    assert_eq!(seen("::ffff:10.0.0.1", &["1.2.3.4"], &["10.0.0.1"]), "1.2.3.4");
}

#[test]
fn a_proxy_that_says_nothing_stands_for_itself() {
    assert_eq!(seen("10.0.0.1", &[], &["10.0.0.1"]), "10.0.0.1");
    assert_eq!(seen("10.0.0.1", &["unknown"], &["10.0.0.1"]), "10.0.0.1");
}

#[test]
fn one_ipv6_network_is_one_client() {
    let network = |text: &str| network(text.parse().unwrap()).to_string();
    assert_eq!(network("2001:db8::1:2:3:4"), "2001:db8::");
    assert_eq!(network("192.0.2.7"), "192.0.2.7");
}
