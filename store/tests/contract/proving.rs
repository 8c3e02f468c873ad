//! Verification, backups, and other people's frameworks on our log.

use std::sync::Arc;

use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use reef_commands::{
    Root,
    ports::{Checkpoints, EventLog, Sealed, SystemClock, Vault, VaultOwner, Workspace},
};
use reef_domain::{
    AgentId,
    reservation::{Reservation, ReservationCommand},
};
use reef_store::{
    CqrsStore, Store, StoreError,
    verify::{Fault, Verdict},
    verify_backup,
};

use super::{
    fixture::{Database, master, on_both, on_file, on_server},
    given::{all_events, claim, claimed, of_account, once, place, released, to},
    sample,
};

on_both! {
    an_untouched_log_verifies,
    an_edited_payload_is_found,
    a_missing_row_is_found,
    a_truncated_log_is_found,
    an_edited_hash_is_found,
    a_backup_restores_everything,
    a_damaged_backup_is_refused,
    a_stock_framework_runs_on_the_log,
}

async fn with_events(database: &Database) -> Store {
    let store = database.open().await;
    for number in 0..10 {
        claim(&store, &format!("p/{}", number % 3), number / 3, "x").await;
    }
    store
}

async fn verify(store: &Store) -> Verdict {
    store.verify([], |_, _| ()).await.unwrap()
}

async fn an_untouched_log_verifies(database: Database) {
    let store = database.open().await;
    assert_eq!(verify(&store).await.unwrap().size, 0);
    let early = store.head().await.unwrap();
    drop(store);
    let store = with_events(&database).await;
    let head = store.head().await.unwrap();
    let mut told = Vec::new();
    let kept = [(early.position, early.root), (head.position, head.root)];
    let verdict = store
        .verify(kept, |done, total| told.push((done, total)))
        .await
        .unwrap();
    assert_eq!(verdict.unwrap().root, head.root);
    assert_eq!(told.last(), Some(&(10, 10)));
    let foreign = store.verify([(4, [9; 32])], |_, _| ()).await.unwrap();
    assert_eq!(foreign, Err(Fault::Root { size: 4 }));
    let longer = store.verify([(11, head.root)], |_, _| ()).await.unwrap();
    assert_eq!(
        longer,
        Err(Fault::Truncated {
            expected: 11,
            found: 10
        })
    );
}

async fn an_edited_payload_is_found(database: Database) {
    let store = with_events(&database).await;
    database
        .tamper(
            "UPDATE events SET payload = '{\"ReservationClaimed\":{\"holder\":\"y\"}}' WHERE position = 4",
        )
        .await;
    assert_eq!(verify(&store).await, Err(Fault::Edited { position: 4 }));
}

async fn a_missing_row_is_found(database: Database) {
    let store = with_events(&database).await;
    database.tamper("DELETE FROM events WHERE position = 7").await;
    assert_eq!(
        verify(&store).await,
        Err(Fault::Gap {
            expected: 7,
            found: 8
        })
    );
}

async fn a_truncated_log_is_found(database: Database) {
    let store = with_events(&database).await;
    database.tamper("DELETE FROM events WHERE position = 10").await;
    assert_eq!(
        verify(&store).await,
        Err(Fault::Truncated {
            expected: 10,
            found: 9
        })
    );
}

/// Somebody who also computes the new leaf hash is found by the tree.
async fn an_edited_hash_is_found(database: Database) {
    let store = with_events(&database).await;
    let head = store.head().await.unwrap();
    let mut forged = store.records(3, 1).await.unwrap().remove(0);
    forged.payload = r#"{"ReservationClaimed":{"holder":"y"}}"#.into();
    let hash = hex::encode(forged.computed_leaf_hash());
    let hash = if database.is_postgres() {
        format!("'\\x{hash}'")
    } else {
        format!("x'{hash}'")
    };
    let sql = format!(
        "UPDATE events SET payload = '{}', leaf_hash = {hash} WHERE position = 4",
        forged.payload
    );
    database.tamper(&sql).await;
    assert_eq!(verify(&store).await, Err(Fault::Root { size: 10 }));
    let kept = store.verify([(4, head.root)], |_, _| ()).await.unwrap();
    assert_eq!(
        kept,
        Err(Fault::Root { size: 4 }),
        "a checkpoint kept elsewhere narrows it down"
    );
}

async fn fill(store: &Store) -> (Sealed, reef_domain::VaultRef) {
    let owner = VaultOwner::new("agent", "agt_1");
    for number in 0..5 {
        store
            .append(of_account(
                to(&format!("p/{number}"), 0, vec![claimed("a"), claimed("b")]),
                "acc_1",
            ))
            .await
            .unwrap();
    }
    store
        .append(once(to("p/0", 2, vec![released("*"), claimed("c")]), "k", "s"))
        .await
        .unwrap();
    let sealed = store.seal(&owner, "p", b"hello").await.unwrap();
    let secret = store.put(&owner, b"secret").await.unwrap();
    store.destroy(&VaultOwner::new("agent", "gone")).await.unwrap();
    store
        .write(
            &AgentId::from("agt_1"),
            [("a.md".to_owned(), sealed.clone())].into(),
        )
        .await
        .unwrap();
    let lease = store
        .acquire("m", "node", std::time::Duration::from_secs(30))
        .await
        .unwrap()
        .unwrap();
    store.advance(&lease, 7).await.unwrap();
    (sealed, secret)
}

async fn a_backup_restores_everything(database: Database) {
    let store = database.open().await;
    let (sealed, secret) = fill(&store).await;
    let path = database.dir.join("backup");
    let mut told = (0, 0);
    let header = store
        .export_backup(&path, |done, total| told = (done, total))
        .await
        .unwrap();
    assert_eq!((header.position, told), (12, (header.records, header.records)));
    assert!(
        store.export_backup(&path, |_, _| ()).await.is_err(),
        "no backup is overwritten"
    );
    assert_eq!(verify_backup(&path, []).unwrap().unwrap().size, 12);
    // Into both kinds of database, whichever it came from.
    let mut others = vec![on_file()];
    others.extend(on_server().await.map(|(other, _)| other));
    for other in others {
        let copy = other.open().await;
        let restored = copy.import_backup(&path, |_, _| ()).await.unwrap();
        assert_eq!(
            (
                restored.events,
                restored.equal_views.len(),
                restored.other_views.len()
            ),
            (12, 2, 0)
        );
        assert_eq!(copy.head().await.unwrap(), store.head().await.unwrap());
        assert_eq!(all_events(&copy).await, all_events(&store).await);
        let owner = VaultOwner::new("agent", "agt_1");
        assert_eq!(&**copy.open(&owner, "p", &sealed).await.unwrap(), b"hello");
        assert_eq!(&**Vault::get(&copy, &owner, &secret).await.unwrap(), b"secret");
        assert!(
            copy.seal(&VaultOwner::new("agent", "gone"), "p", b"x")
                .await
                .is_err()
        );
        assert_eq!(copy.files(&AgentId::from("agt_1")).await.unwrap().len(), 1);
        assert_eq!(copy.checkpoint("m").await.unwrap(), 7);
        assert!(copy.idempotent("account/principal", "k").await.unwrap().is_some());
        // And it goes on.
        assert_eq!(claim(&copy, "p/0", 4, "d").await, 13);
        assert_eq!(place(&copy, "p/0").await.unwrap().holders, ["c", "d"]);
        assert_eq!(verify(&copy).await.unwrap().size, 13);
        let again = copy.import_backup(&path, |_, _| ()).await;
        assert!(matches!(again, Err(StoreError::NotEmpty)));
        drop(copy);
        assert_eq!(other.open().await.head().await.unwrap().position, 13);
    }
}

async fn a_damaged_backup_is_refused(database: Database) {
    let store = database.open().await;
    fill(&store).await;
    let path = database.dir.join("backup");
    store.export_backup(&path, |_, _| ()).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let damages = [
        text.replacen("\\\"holder\\\":\\\"b\\\"", "\\\"holder\\\":\\\"z\\\"", 1),
        lines[..lines.len() - 1].join("\n"),
        [&lines[..3], &lines[4..]].concat().join("\n"),
        text.replacen('{', "", 1),
        String::new(),
    ];
    for (number, damage) in damages.iter().enumerate() {
        assert_ne!(*damage, text);
        let broken = database.dir.join(format!("broken{number}"));
        std::fs::write(&broken, damage).unwrap();
        let other = on_file();
        let copy = other.open().await;
        let restored = copy.import_backup(&broken, |_, _| ()).await;
        assert!(
            matches!(restored, Err(StoreError::Backup(_))),
            "{number}: {restored:?}"
        );
        drop(copy);
        // What was half restored is not served.
        let reopened = other
            .try_open(sample::views(), master(7), Arc::new(SystemClock))
            .await;
        assert_eq!(reopened.is_err(), number < 3, "{number}");
    }
    let key = Database {
        url: on_file().url,
        ..on_file()
    };
    let copy = key
        .try_open(sample::views(), master(8), Arc::new(SystemClock))
        .await
        .unwrap();
    let restored = copy.import_backup(&path, |_, _| ()).await;
    assert!(matches!(restored, Err(StoreError::MasterKey)), "{restored:?}");
}

async fn a_stock_framework_runs_on_the_log(database: Database) {
    let store = database.open().await;
    let cqrs = CqrsFramework::<Root<Reservation>, _>::new(CqrsStore::new(store.clone()), vec![], ());
    let claim_for = |holder: &str| ReservationCommand::Claim {
        holder: holder.to_owned(),
        limit: 2,
    };
    cqrs.execute("p/1", claim_for("a")).await.unwrap();
    cqrs.execute("p/1", claim_for("b")).await.unwrap();
    let refused = cqrs.execute("p/1", claim_for("c")).await;
    assert!(
        matches!(refused, Err(AggregateError::UserError(_))),
        "{refused:?}"
    );
    assert_eq!(
        place(&store, "p/1").await.unwrap().holders,
        ["a", "b"],
        "views are ours"
    );
    let raw = CqrsStore::new(store.clone());
    let events = EventStore::<Root<Reservation>>::load_events(&raw, "p/1")
        .await
        .unwrap();
    assert_eq!(
        events.iter().map(|event| event.sequence).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(events[0].metadata["actor"], "system:cqrs");
    // Two who loaded the same state: one of them is told.
    let first = EventStore::<Root<Reservation>>::load_aggregate(&raw, "p/1")
        .await
        .unwrap();
    let second = EventStore::<Root<Reservation>>::load_aggregate(&raw, "p/1")
        .await
        .unwrap();
    let released = || vec![reef_commands::Fact(released("a"))];
    raw.commit(released(), first, [].into()).await.unwrap();
    let late = raw.commit(released(), second, [].into()).await;
    assert!(matches!(late, Err(AggregateError::AggregateConflict)));
    assert_eq!(store.head().await.unwrap().position, 3);
}
