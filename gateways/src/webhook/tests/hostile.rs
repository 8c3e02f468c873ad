//! URLs that try to get in.

use super::*;

/// Each of them leads to this machine or its network, or is nothing a webhook may be sent to.
const HOSTILE: &[&str] = &[
    // Plain, and other schemes.
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com:70/_GET",
    "javascript:alert(1)",
    "data:text/plain,x",
    "//example.com/",
    "example.com",
    "",
    "https://",
    "https:///",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:0/",
    "https://example.com:99999/",
    // Loopback in all its forms.
    "https://127.0.0.1/",
    "https://127.0.0.1:8080/v1/commands",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7F.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.000.000.001/",
    "https://%31%32%37.0.0.1/",
    "https://\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}/",
    "https://127\u{3002}0\u{3002}0\u{3002}1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://localhost../",
    "https://a.localhost/",
    "https:\\\\127.0.0.1\\",
    "https:/127.0.0.1/",
    "https:127.0.0.1",
    "  https://127.0.0.1/  ",
    "https://127.0.0.1\t/",
    // The local network, the cloud's own, and what is nobody's.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://192.168.65535/",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://printer.local/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    // Version 6.
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:10.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::10.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[::1",
];

#[tokio::test]
async fn none_is_taken_and_none_is_sent_to() {
    // Whatever the name, the answer would be a public address: what is refused is refused by its form.
    let names = Scripted::new(&[&["93.184.216.34"]]);
    let poster = WebhookPoster::with_lookup(WebhookRules::default(), Arc::clone(&names) as _).unwrap();
    for url in HOSTILE {
        let taken = poster.check(url).await;
        assert!(
            matches!(taken, Err(WebhookFailure::Refused(_))),
            "{url} taken: {taken:?}"
        );
        let sent = poster.post(a_post(url)).await;
        assert!(
            matches!(sent, Err(WebhookFailure::Refused(_))),
            "{url} sent to: {sent:?}"
        );
    }
    assert_eq!(names.1.load(Ordering::Relaxed), 0, "nothing was even looked up");
}

#[tokio::test]
async fn none_is_taken_by_way_of_a_name_either() {
    let literal = |url: &&&str| {
        Url::parse(url).ok().and_then(|url| match url.host()?.to_owned() {
            Host::Ipv4(address) => Some(IpAddr::from(address)),
            Host::Ipv6(address) => Some(IpAddr::from(address)),
            Host::Domain(_) => None,
        })
    };
    let addresses: Vec<IpAddr> = HOSTILE.iter().filter_map(|url| literal(&url)).collect();
    assert!(addresses.len() > 60);
    for address in addresses {
        let text = address.to_string();
        let names = Scripted::new(&[&[&text]]);
        let poster = WebhookPoster::with_lookup(WebhookRules::default(), names).unwrap();
        let url = "https://innocent.example/";
        assert_eq!(poster.check(url).await.unwrap_err().code(), "refused", "{text}");
        assert_eq!(
            poster.post(a_post(url)).await.unwrap_err().code(),
            "refused",
            "{text}"
        );
    }
}

/// What the operator allows is allowed in every form, and nothing else with it.
#[tokio::test]
async fn an_allowed_network_opens_nothing_else() {
    let rules = WebhookRules::new(&["10.1.0.0/16".to_owned()], false, vec![]).unwrap();
    let names = Scripted::new(&[&["10.1.2.3"]]);
    let poster = WebhookPoster::with_lookup(rules, names).unwrap();
    for (url, good) in [
        ("https://10.1.0.1/", true),
        ("https://0x0a010001/", true),
        ("https://[::ffff:10.1.0.1]/", true),
        ("https://receiver.internal/", true),
        ("https://10.2.0.1/", false),
        ("https://127.0.0.1/", false),
        ("https://[::ffff:127.0.0.1]/", false),
        ("https://[64:ff9b::10.1.0.1]/", false),
        ("https://169.254.169.254/", false),
    ] {
        assert_eq!(poster.check(url).await.is_ok(), good, "{url}");
    }
}
