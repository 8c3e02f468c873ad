use super::*;
use crate::model::scripted_server::drain;

fn said(role: Role, content: &str) -> ModelMessage {
    ModelMessage {
        role,
        content: content.to_owned(),
    }
}

async fn reply(memory: &[&str], messages: Vec<ModelMessage>) -> (Vec<String>, Usage) {
    let responder = Responder::new("Coral", memory.iter().map(|line| (*line).to_owned()).collect());
    let request = ModelRequest {
        system: String::new(),
        messages,
        max_tokens: 10,
        session: None,
    };
    let (deltas, end) = drain(responder.ask(&request).await.unwrap()).await;
    (deltas, end.unwrap())
}

async fn text(memory: &[&str], message: &str) -> String {
    reply(memory, vec![said(Role::User, message)]).await.0.concat()
}

#[tokio::test]
async fn it_says_what_it_is_what_was_asked_and_how_to_have_a_model() {
    let (deltas, usage) = reply(&[], vec![said(Role::User, "Plan my trip to the Azores.")]).await;

    let text = deltas.concat();
    assert!(
        text.starts_with(
            "This is Reef's local responder, speaking for Coral: no model provider is configured"
        )
    );
    assert!(
        text.contains("You asked: \"Plan my trip to the Azores.\""),
        "{text}"
    );
    assert!(text.contains("REEF_MODEL_PROVIDER"), "{text}");
    assert!(deltas.len() > 20, "it comes in small pieces");
    assert_eq!(usage, Usage::default());
}

#[tokio::test]
async fn the_same_input_gives_the_same_reply() {
    assert_eq!(
        text(&["a line"], "recall").await,
        text(&["a line"], "recall").await
    );
}

#[tokio::test]
async fn it_counts_words() {
    let text = text(&[], "Count words: drei Fische im Meer").await;

    assert!(
        text.contains("That is 4 words, 19 characters and 1 line."),
        "{text}"
    );
}

#[tokio::test]
async fn it_recalls_the_conversation_and_the_memory_and_only_what_fits() {
    let memory = [
        "2026-02-19: they said \"my boat is called Anemone\"",
        "2026-02-20: they said \"I like tea\"",
    ];
    let messages = vec![
        said(Role::User, "The boat needs paint."),
        said(Role::Assistant, "A boat, I see."),
        said(Role::User, "What do you remember about my boat?"),
    ];

    let text = reply(&memory, messages).await.0.concat();

    assert!(text.contains("you said:\n- The boat needs paint."), "{text}");
    assert!(
        text.contains("MEMORY.md says:\n- 2026-02-19: they said \"my boat is called Anemone\""),
        "{text}"
    );
    assert!(!text.contains("tea") && !text.contains("I see"), "{text}");
}

#[tokio::test]
async fn it_says_so_when_it_remembers_nothing() {
    assert!(
        text(&[], "recall anything")
            .await
            .contains("I find nothing about that")
    );
}

#[test]
fn wishes_are_whole_words_in_any_case() {
    assert_eq!(Wish::of("HELP"), Wish::Help);
    assert_eq!(Wish::of("remember that tides turn."), Wish::Note("tides turn"));
    assert_eq!(Wish::of("What did I say?"), Wish::Recall(""));
    assert_eq!(Wish::of("recalled goods"), Wish::Nothing);
    assert_eq!(Wish::of("Größe ändern"), Wish::Nothing);
    assert_eq!(Wish::of(""), Wish::Nothing);
}
