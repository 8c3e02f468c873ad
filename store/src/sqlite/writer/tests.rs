use reef_commands::ports::SystemClock;

use super::*;
use crate::docs::ViewSet;

fn start(claimed: Claimed) -> Result<WriterHandle, StoreError> {
    let shared = Shared::new(ViewSet::new(vec![]), Arc::new(SystemClock), true);
    WriterHandle::start(claimed, HeadState::default(), Arc::new(shared))
}

#[tokio::test]
async fn a_writer_whose_helper_cannot_start_does_not_start_either_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (here, elsewhere) = (folder.path().join("here"), folder.path().join("elsewhere"));
    std::fs::create_dir(&here).unwrap();
    let path = here.join("t.db");
    let claimed = claim(&path).unwrap();
    // The open connection goes on working; a second one finds nothing to open.
    std::fs::rename(&here, &elsewhere).unwrap();
    let refused = start(claimed).err().expect("there is no second connection");
    assert!(
        matches!(&refused, StoreError::Unavailable(reason) if reason.contains("t.db")),
        "{refused}"
    );

    std::fs::rename(&elsewhere, &here).unwrap();
    let writer = start(claim(&path).expect("the file's lock was given back")).unwrap();
    let ran = writer.run(|writer| writer.memory.head.position).await;
    assert_eq!(ran.unwrap(), 0, "one that starts works");
}
