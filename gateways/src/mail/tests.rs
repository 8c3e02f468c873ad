//! What a letter looks like, and which configuration is taken. `tests/mail` sends real ones.

use zeroize::Zeroizing;

use super::{config::Security, *};

fn config(url: &str) -> Result<SmtpConfig, SmtpConfigError> {
    SmtpConfig::new(url, "Reef <reef@example.com>", None)
}

#[test]
fn the_scheme_says_how_the_connection_is_kept_from_others() {
    for (url, security, port) in [
        ("smtps://mail.example.com", Security::Tls, 465),
        ("smtp://mail.example.com", Security::StartTls, 587),
        ("smtp+plain://127.0.0.1:1025", Security::Plain, 1025),
    ] {
        let config = config(url).unwrap();
        assert_eq!((config.security, config.port), (security, port), "{url}");
        assert!(config.credentials.is_none());
        Smtp::new(&config).unwrap();
    }
    let secret = config("smtp://ada%40example.com:p%3Aw@mail.example.com").unwrap();
    let (user, password) = secret.credentials.unwrap();
    assert_eq!((user.as_str(), password.as_str()), ("ada@example.com", "p:w"));
}

#[test]
fn what_cannot_be_used_is_refused_at_start() {
    for url in [
        "",
        "mail.example.com",
        "https://mail.example.com",
        "smtp:///",
        "smtp://",
    ] {
        assert_eq!(config(url).err(), Some(SmtpConfigError::Url), "{url:?}");
    }
    for url in ["smtp://ada@mail.example.com", "smtp://:pw@mail.example.com"] {
        assert_eq!(config(url).err(), Some(SmtpConfigError::Credentials), "{url:?}");
    }
    let nobody = SmtpConfig::new("smtp://mail.example.com", "nobody", None);
    assert_eq!(nobody.err(), Some(SmtpConfigError::From));
    let broken = SmtpConfig::new(
        "smtp://mail.example.com",
        "a@b.c",
        Some(b"no certificate".to_vec()),
    );
    assert!(matches!(broken.err(), Some(SmtpConfigError::Certificate(_))));
}

#[test]
fn a_letter_sent_twice_is_the_same_message() {
    let from = config("smtp://mail.example.com").unwrap().from;
    let letter = Letter {
        to: "ada@example.org".to_owned(),
        subject: "Your login code".to_owned(),
        text: Zeroizing::new("Your login code is 123456\n".to_owned()),
    };
    let token = EffectToken("mail-17-send".to_owned());
    let sent = message(&from, &letter, &token).unwrap().formatted();
    let sent = String::from_utf8(sent).unwrap();
    for line in [
        "From: Reef <reef@example.com>\r\n",
        "To: ada@example.org\r\n",
        "Subject: Your login code\r\n",
        "Message-ID: <mail-17-send@example.com>\r\n",
    ] {
        assert!(sent.contains(line), "{line:?} in {sent}");
    }
    let body = sent.split_once("\r\n\r\n").unwrap().1;
    assert!(body.contains("123456"));
    assert!(!format!("{letter:?}").contains("123456"));
    let nobody = Letter {
        to: "x@y@z".to_owned(),
        ..letter
    };
    assert!(matches!(
        message(&from, &nobody, &token),
        Err(MailError::Permanent(_))
    ));
}
