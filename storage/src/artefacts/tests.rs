use std::future::poll_fn;
use std::io::Write as _;
use std::pin::Pin;

use futures_core::Stream as _;
use object_store::memory::InMemory;

use super::*;

fn both() -> (tempfile::TempDir, [Artefacts; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let here = Artefacts::here(&folder.path().join("here")).unwrap();
    let store = Arc::new(InMemory::new());
    let elsewhere = Artefacts::elsewhere(&folder.path().join("elsewhere"), store, "/models/a/").unwrap();
    (folder, [here, elsewhere])
}

async fn bytes(artefacts: &Artefacts, key: Key, range: Range<u64>) -> Vec<u8> {
    let mut pieces = artefacts.read(key, range).await.unwrap();
    let mut all = Vec::new();
    while let Some(piece) = poll_fn(|context| Pin::new(&mut pieces).poll_next(context)).await {
        all.extend_from_slice(&piece.unwrap());
    }
    all
}

#[tokio::test]
async fn what_is_brought_in_pieces_is_kept_whole_and_read_from_anywhere() {
    let (_folder, both) = both();
    let long: Vec<u8> = (0..40_000_000u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    for artefacts in both {
        let key = [7; 16];
        assert_eq!(artefacts.received(key).unwrap(), 0);
        for piece in long.chunks(9_999_999) {
            artefacts.append(key).unwrap().write_all(piece).unwrap();
        }
        assert_eq!(artefacts.received(key).unwrap(), long.len() as u64);
        let sha256 = Sha256::digest(&long).into();
        artefacts.keep(key, sha256).await.unwrap();
        // After a crash before it was noted.
        artefacts.keep(key, sha256).await.unwrap();
        artefacts.unstage(key).unwrap();
        assert_eq!(artefacts.received(key).unwrap(), 0);
        assert!(bytes(&artefacts, key, 0..long.len() as u64).await == long);
        assert!(bytes(&artefacts, key, 17_000_000..17_300_001).await == long[17_000_000..17_300_001]);
        artefacts.remove(key).await.unwrap();
        artefacts.remove(key).await.unwrap();
        assert!(artefacts.read(key, 0..1).await.is_err());
    }
}

#[tokio::test]
async fn nothing_is_kept_elsewhere_of_a_file_that_is_not_the_one_that_was_looked_at() {
    let (_folder, [_, elsewhere]) = both();
    elsewhere.append([1; 16]).unwrap().write_all(b"another").unwrap();
    let kept = elsewhere.keep([1; 16], Sha256::digest(b"looked at").into()).await;
    assert!(matches!(kept, Err(ArtefactError::Changed)));
    assert!(elsewhere.read([1; 16], 0..1).await.is_err());
}
