//! The form, and that the signature is over what it says.

use ring::signature::{ED25519 as VERIFY, UnparsedPublicKey};

use super::*;

fn key() -> CheckpointKey {
    CheckpointKey::from_seed("reef.example/log", &[7; 32]).unwrap()
}

#[test]
fn a_checkpoint_verifies_with_the_published_key() {
    let note = key().checkpoint(&Head {
        position: 42,
        root: [5; 32],
    });
    let (text, signature) = note.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    assert_eq!(
        text,
        format!("reef.example/log\n42\n{}\n", STANDARD.encode([5; 32]))
    );

    let signature = signature
        .strip_suffix('\n')
        .unwrap()
        .strip_prefix("\u{2014} reef.example/log ")
        .unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let verifier = key().verifier_key();
    let mut parts = verifier.splitn(3, '+');
    assert_eq!(parts.next(), Some("reef.example/log"));
    assert_eq!(parts.next(), Some(hex::encode(&signature[..4]).as_str()));
    let public = STANDARD.decode(parts.next().unwrap()).unwrap();
    assert_eq!(public[0], ED25519);
    UnparsedPublicKey::new(&VERIFY, &public[1..])
        .verify(text.as_bytes(), &signature[4..])
        .unwrap();
}

#[test]
fn the_key_id_is_that_of_the_specification() {
    // The example of C2SP signed-note: PeterNeumann's key.
    let public = STANDARD
        .decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        .unwrap();
    let hash = digest(&SHA256, &[b"PeterNeumann\n".as_slice(), &public].concat());
    assert_eq!(hex::encode(&hash.as_ref()[..4]), "c74f20a3");
}

#[test]
fn a_name_that_a_note_cannot_hold_is_made_plain() {
    assert_eq!(
        CheckpointKey::from_seed("my log+\n", &[7; 32]).unwrap().origin(),
        "my-log--"
    );
}
