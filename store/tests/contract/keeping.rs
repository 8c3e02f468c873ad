//! The vault, workspace files, and what survives closing and opening.

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use reef_commands::ports::{
    EventLog, KeyUses, Sealed, Sighting, Sightings, SystemClock, Vault, VaultError, VaultOwner, Views,
    Workspace,
};
use reef_domain::{AgentId, ApiKeyId, MachineId, VaultRef};
use reef_projections::{AnyView, ViewOf};
use reef_store::StoreError;

use super::{
    fixture::{Database, master, on_both},
    given::{claim, claimed, conflict, everything, key, once, place, to},
    sample,
};

on_both! {
    what_is_sealed_opens_for_its_owner_and_purpose_only,
    a_destroyed_owner_stays_destroyed,
    secrets_are_kept_and_removed,
    another_master_key_is_refused,
    files_are_kept_per_agent,
    machines_are_known_by_their_last_sighting,
    keys_are_known_by_their_last_use,
    everything_is_there_after_reopening,
    a_newer_schema_is_refused,
    an_unknown_view_is_retired_or_refused,
    reading_only_changes_nothing,
}

fn agent() -> VaultOwner {
    VaultOwner::new("agent", "agt_1")
}

async fn what_is_sealed_opens_for_its_owner_and_purpose_only(database: Database) {
    let store = database.open().await;
    let sealed = store.seal(&agent(), "purpose", b"hello").await.unwrap();
    assert_ne!(
        store.seal(&agent(), "purpose", b"hello").await.unwrap(),
        sealed,
        "never the same twice"
    );
    assert_eq!(
        &**store.open(&agent(), "purpose", &sealed).await.unwrap(),
        b"hello"
    );
    assert_eq!(
        store.open(&agent(), "other", &sealed).await,
        Err(VaultError::Unopenable)
    );
    let other = VaultOwner::new("agent", "agt_2");
    assert_eq!(
        store.open(&other, "purpose", &sealed).await,
        Err(VaultError::Unopenable)
    );
    store.seal(&other, "purpose", b"").await.unwrap();
    assert_eq!(
        store.open(&other, "purpose", &sealed).await,
        Err(VaultError::Unopenable)
    );
    for broken in ["", "not base64!", "AAAA"] {
        let broken = Sealed(broken.to_owned());
        assert_eq!(
            store.open(&agent(), "purpose", &broken).await,
            Err(VaultError::Unopenable)
        );
    }
    drop(store);
    let store = database.open().await;
    assert_eq!(
        &**store.open(&agent(), "purpose", &sealed).await.unwrap(),
        b"hello"
    );
}

async fn a_destroyed_owner_stays_destroyed(database: Database) {
    let store = database.open().await;
    let sealed = store.seal(&agent(), "p", b"hello").await.unwrap();
    let secret = store.put(&agent(), b"secret").await.unwrap();
    store.destroy(&agent()).await.unwrap();
    store.destroy(&agent()).await.unwrap();
    assert_eq!(
        store.open(&agent(), "p", &sealed).await,
        Err(VaultError::Destroyed)
    );
    assert_eq!(
        Vault::get(&store, &agent(), &secret).await,
        Err(VaultError::Destroyed)
    );
    assert_eq!(store.seal(&agent(), "p", b"x").await, Err(VaultError::Destroyed));
    assert_eq!(store.put(&agent(), b"x").await, Err(VaultError::Destroyed));
    // An owner that never had a key can be destroyed, too.
    let never = VaultOwner::new("agent", "never");
    store.destroy(&never).await.unwrap();
    assert_eq!(store.seal(&never, "p", b"x").await, Err(VaultError::Destroyed));
    drop(store);
    let store = database.open().await;
    assert_eq!(
        store.open(&agent(), "p", &sealed).await,
        Err(VaultError::Destroyed)
    );
}

async fn secrets_are_kept_and_removed(database: Database) {
    let store = database.open().await;
    let first = store.put(&agent(), b"one\0two").await.unwrap();
    let second = store.put(&agent(), b"").await.unwrap();
    assert_eq!(
        &**Vault::get(&store, &agent(), &first).await.unwrap(),
        b"one\0two"
    );
    assert_eq!(&**Vault::get(&store, &agent(), &second).await.unwrap(), b"");
    let foreign = VaultOwner::new("agent", "agt_2");
    assert_eq!(
        Vault::get(&store, &foreign, &first).await,
        Err(VaultError::Absent)
    );
    store.remove(&agent(), &first).await.unwrap();
    store.remove(&agent(), &first).await.unwrap();
    assert_eq!(
        Vault::get(&store, &agent(), &first).await,
        Err(VaultError::Absent)
    );
    assert_eq!(
        Vault::get(&store, &agent(), &VaultRef::from("unknown")).await,
        Err(VaultError::Absent)
    );
}

async fn another_master_key_is_refused(database: Database) {
    drop(database.open().await);
    let opened = database
        .try_open(sample::views(), master(8), Arc::new(SystemClock))
        .await;
    assert!(matches!(opened.err(), Some(StoreError::MasterKey)));
    drop(database.open().await);
}

async fn files_are_kept_per_agent(database: Database) {
    let store = database.open().await;
    let (one, two) = (AgentId::from("agt_1"), AgentId::from("agt_2"));
    let files = |files: &[(&str, &str)]| -> BTreeMap<String, Sealed> {
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Sealed((*text).to_owned())))
            .collect()
    };
    store
        .write(&one, files(&[("b.md", "1"), ("a/ü.md", "2")]))
        .await
        .unwrap();
    store.write(&two, files(&[("b.md", "other")])).await.unwrap();
    store.write(&one, files(&[("b.md", "3")])).await.unwrap();
    let found = store.files(&one).await.unwrap();
    assert!(
        found
            .iter()
            .map(|file| (&*file.path, &*file.sealed.0))
            .eq([("a/ü.md", "2"), ("b.md", "3")])
    );
    assert_eq!(store.file(&one, "b.md").await.unwrap().unwrap().sealed.0, "3");
    assert_eq!(store.file(&one, "none").await.unwrap(), None);
    store.purge(&one).await.unwrap();
    assert_eq!(store.files(&one).await.unwrap(), []);
    assert_eq!(store.files(&two).await.unwrap().len(), 1);
}

async fn machines_are_known_by_their_last_sighting(database: Database) {
    let store = database.open().await;
    let (first, second) = (MachineId::from("inst_1"), MachineId::from("inst_2"));
    let at = |seconds: i64| DateTime::from_timestamp(1_760_000_000 + seconds, 0).unwrap();
    let seen = |machine: &MachineId, seconds, by: Option<&str>| Sighting {
        machine_id: machine.clone(),
        seen_at: at(seconds),
        connected_to: by.map(str::to_owned),
    };
    store.note(&seen(&first, 1, Some("node-a"))).await.unwrap();
    store.note(&seen(&first, 2, Some("node-b"))).await.unwrap();
    store.note(&seen(&second, 3, Some("node-a"))).await.unwrap();
    // It has connected to another process meanwhile.
    store.note_gone(&first, "node-a", at(4)).await.unwrap();
    store.note_gone(&second, "node-a", at(5)).await.unwrap();
    let unknown = MachineId::from("inst_3");
    let mut known = Sightings::of(&store, &[first.clone(), second.clone(), unknown])
        .await
        .unwrap();
    known.sort_by(|a, b| a.machine_id.cmp(&b.machine_id));
    assert_eq!(known, [seen(&first, 2, Some("node-b")), seen(&second, 5, None)]);
    store.forget(&first).await.unwrap();
    assert_eq!(Sightings::of(&store, &[first]).await.unwrap(), [], "forgotten");
    assert_eq!(Sightings::of(&store, &[]).await.unwrap(), []);
}

async fn keys_are_known_by_their_last_use(database: Database) {
    let store = database.open().await;
    let (first, second) = (ApiKeyId::from("key_1"), ApiKeyId::from("key_2"));
    let at = |seconds: i64| DateTime::from_timestamp(1_760_000_000 + seconds, 0).unwrap();
    for seconds in [3, 9, 5] {
        store.note_use(&first, at(seconds)).await.unwrap();
    }
    drop(store);
    let store = database.open().await;
    let known = store.last_uses(&[first.clone(), second]).await.unwrap();
    assert_eq!(known, [(first, at(9))], "a late note changes nothing");
    assert_eq!(store.last_uses(&[]).await.unwrap(), []);
}

async fn everything_is_there_after_reopening(database: Database) {
    let store = database.open().await;
    store
        .append(once(to("p/1", 0, vec![claimed("x"), claimed("y")]), "k", ""))
        .await
        .unwrap();
    let (head, digest) = (store.head().await.unwrap(), store.digest("places").await.unwrap());
    drop(store);
    let store = database.open().await;
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.digest("places").await.unwrap(), digest);
    assert_eq!(*store.watch().borrow(), 2);
    assert_eq!(
        conflict(store.append(to("p/1", 0, vec![claimed("z")])).await),
        "reservation/p/1"
    );
    assert!(
        store
            .append(once(to("p/2", 0, vec![claimed("z")]), "k", ""))
            .await
            .is_err()
    );
    assert_eq!(claim(&store, "p/1", 2, "z").await, 3);
    assert_eq!(place(&store, "p/1").await.unwrap().holders, ["x", "y", "z"]);
    assert_eq!(store.count("seats", &everything()).await.unwrap(), 3);
}

async fn a_newer_schema_is_refused(database: Database) {
    drop(database.open().await);
    database
        .tamper("INSERT INTO schema_migrations (version) VALUES (999)")
        .await;
    let opened = database
        .try_open(sample::views(), master(7), Arc::new(SystemClock))
        .await;
    assert!(matches!(opened.err(), Some(StoreError::Schema(_))));
}

/// On a database of several nodes an unknown view means that this program is too old.
async fn an_unknown_view_is_retired_or_refused(database: Database) {
    let store = database.open().await;
    claim(&store, "p/1", 0, "x").await;
    drop(store);
    let fewer: Vec<Box<dyn AnyView>> = vec![Box::new(ViewOf::<sample::Seats>::new())];
    let opened = database.try_open(fewer, master(7), Arc::new(SystemClock)).await;
    if database.is_postgres() {
        assert!(matches!(opened.err(), Some(StoreError::Schema(_))));
    } else {
        claim(&opened.unwrap(), "p/1", 1, "y").await;
    }
    // It is built anew, so that nothing is missing in it.
    let store = database.open().await;
    let sequence = place(&store, "p/1").await.unwrap().holders.len() as u64;
    assert_eq!(store.head().await.unwrap().position, sequence);
}

async fn reading_only_changes_nothing(database: Database) {
    assert!(
        database.open_read_only().await.is_err(),
        "there is nothing to read yet"
    );
    let store = database.open().await;
    claim(&store, "p/1", 0, "x").await;
    let reader = database.open_read_only().await.unwrap();
    assert_eq!(place(&reader, "p/1").await.unwrap().holders, ["x"]);
    assert!(reader.append(to("p/1", 1, vec![claimed("y")])).await.is_err());
    assert!(reader.put(&agent(), b"x").await.is_err());
    // What is committed meanwhile is seen.
    claim(&store, "p/1", 1, "y").await;
    assert_eq!(place(&reader, "p/1").await.unwrap().holders, ["x", "y"]);
    assert_eq!(reader.head().await.unwrap().position, 2);
    assert_eq!(reader.stream(&key("p/1"), 0, 10).await.unwrap().len(), 2);
    // Without a server it works as well.
    drop((store, reader));
    let reader = database.open_read_only().await.unwrap();
    assert_eq!(place(&reader, "p/1").await.unwrap().holders, ["x", "y"]);
}
