//! Specs of passing a reply on.

use super::*;

fn delta(text: &str) -> ReplyPart {
    ReplyPart::Delta {
        text: text.to_owned(),
    }
}

fn completed(content: &str) -> ReplyPart {
    ReplyPart::Completed {
        message_id: "msg_2".into(),
        content: content.to_owned(),
        model: "m".to_owned(),
        usage: Usage::default(),
        position: 7,
    }
}

/// What was passed on, joined, and the last part.
async fn all(parts: ReplyParts) -> (Vec<String>, ReplyPart) {
    let mut parts: Vec<ReplyPart> = parts.collect().await;
    let last = parts.pop().unwrap();
    let texts = parts.into_iter().map(|part| match part {
        ReplyPart::Delta { text } => text,
        part @ (ReplyPart::Completed { .. } | ReplyPart::Failed { .. }) => panic!("{part:?} before the end"),
    });
    (texts.collect(), last)
}

#[tokio::test]
async fn pieces_pass_as_they_come() {
    let (sender, receiver) = broadcast::channel(8);
    for part in [delta("He"), delta("llo"), completed("Hello")] {
        sender.send(part).unwrap();
    }
    let unused = async { panic!("the sender is there") };
    let (texts, last) = all(whole(receiver, unused)).await;
    assert_eq!(
        (texts, last),
        (vec!["He".to_owned(), "llo".to_owned()], completed("Hello"))
    );
}

#[tokio::test]
async fn who_lags_behind_misses_no_text() {
    let (sender, receiver) = broadcast::channel(2);
    for part in [delta("a"), delta("b"), delta("c"), delta("d"), completed("abcd")] {
        sender.send(part).unwrap();
    }
    let unused = async { panic!("the sender is there") };
    let (texts, last) = all(whole(receiver, unused)).await;
    assert_eq!((texts.concat(), last), ("abcd".to_owned(), completed("abcd")));
}

#[tokio::test]
async fn where_the_sender_is_gone_the_record_tells_the_rest() {
    let (sender, receiver) = broadcast::channel(8);
    sender.send(delta("He")).unwrap();
    drop(sender);
    let (texts, last) = all(whole(receiver, async { completed("Hello") })).await;
    assert_eq!((texts.concat(), last), ("Hello".to_owned(), completed("Hello")));
    let (texts, last) = all(at_once(async { completed("Hello") })).await;
    assert_eq!((texts.concat(), last), ("Hello".to_owned(), completed("Hello")));
    let (texts, last) = all(at_once(async { failed("no_reply", "gone") })).await;
    assert_eq!(
        (texts.concat(), last),
        (String::new(), failed("no_reply", "gone"))
    );
}
