//! Pictures of the docs: small, shown somewhere, in words too; and the guide of sticks has every refusal.

use std::collections::BTreeSet;
use std::fs;

use flip_protocol::bundle::Refused;
use flip_storage::stick::UNUSABLE;

use crate::root;

/// Bytes of a picture: who reads the docs has no fast network.
const BYTES_MAX: usize = 150 * 1024;

/// Pictures that the pages show, by their path from the root.
fn shown() -> BTreeSet<String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let docs = docs.map(|path| format!("docs/{}", path.file_name().unwrap().to_str().unwrap()));
    let mut shown = BTreeSet::new();
    for page in docs.chain(["README.md".to_owned()]) {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for picture in text.split("![").skip(1) {
            let (words, rest) = picture.split_once("](").unwrap();
            let (path, _) = rest.split_once(')').unwrap();
            assert!(words.len() > 10, "{page}: {path} is shown without words for who cannot see it");
            let folder = if page.starts_with("docs/") { "docs/" } else { "" };
            shown.insert(format!("{folder}{path}"));
        }
    }
    shown
}

#[test]
fn each_picture_of_the_docs_is_small_and_shown_and_those_that_are_shown_are_there() {
    let there = fs::read_dir(root().join("docs/pictures")).unwrap().map(|entry| entry.unwrap().path());
    let mut names = BTreeSet::new();
    for path in there {
        let (bytes, name) = (fs::read(&path).unwrap(), path.file_name().unwrap().to_str().unwrap());
        assert!(bytes.len() <= BYTES_MAX, "{name} has {} bytes", bytes.len());
        names.insert(format!("docs/pictures/{name}"));
        if path.extension().is_some_and(|ending| ending == "svg") {
            let text = String::from_utf8(bytes).unwrap();
            for part in
                ["role=\"img\"", "<title id=\"title\">", "<desc id=\"desc\">", "prefers-color-scheme: dark"]
            {
                assert!(text.contains(part), "{name} lacks {part}");
            }
            assert!(!text.contains("href") && !text.contains("<script"), "{name} is more than a drawing");
        }
    }
    assert_eq!(names, shown());
}

#[test]
fn the_guide_of_sticks_has_each_refusal_in_its_own_words() {
    let guide = fs::read_to_string(root().join("docs/STICKS.md")).unwrap();
    for why in Refused::ALL {
        let row = format!("| `{}` | {why} | ", why.name());
        assert_eq!(guide.matches(&row).count(), 1, "docs/STICKS.md has to have one row that begins: {row}");
    }
    // That of a whole stick.
    let row = format!("| `unusable` | the stick {UNUSABLE} | ");
    assert_eq!(guide.matches(&row).count(), 1, "docs/STICKS.md has to have one row that begins: {row}");
    let rows =
        guide.split("| reason |").nth(1).unwrap().lines().skip(2).take_while(|line| line.starts_with('|'));
    assert_eq!(rows.count(), Refused::ALL.len() + 1);
}
