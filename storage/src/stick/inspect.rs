//! Bundles explained, one or a whole stick of them, for who types a command. What one is, is the caller's affair.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{StickError, listed};
use crate::error_chain;

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum InspectError<E: Error + 'static> {
    /// The one bundle is none that would be taken.
    #[error("{} is refused", .0.display())]
    Refused(PathBuf, #[source] E),
    /// A folder without any.
    #[error("{} holds no bundle", .0.display())]
    Nothing(PathBuf),
    /// The folder.
    #[error(transparent)]
    Stick(#[from] StickError),
}

/// What is to be said of a bundle's file, or of the bundles of a folder, `most` at most; as JSON or in words. Also whether all
/// of them are good.
pub fn inspect<L, E: Error + 'static>(
    from: &Path,
    most: usize,
    json: bool,
    look: impl Fn(&Path) -> Result<L, E>,
    told: impl Fn(&L) -> Value,
    words: impl Fn(&L) -> String,
) -> Result<(String, bool), InspectError<E>> {
    if !from.is_dir() {
        let looked = look(from).map_err(|error| InspectError::Refused(from.to_owned(), error))?;
        return Ok((if json { pretty(&told(&looked)) } else { words(&looked) }, true));
    }
    let files = listed(from, most, |_| true)?;
    if files.is_empty() {
        return Err(InspectError::Nothing(from.to_owned()));
    }
    let looked: Vec<_> = files.into_iter().map(|file| (look(&file), file)).collect();
    let said = if json {
        let each = looked.iter().map(|(looked, file)| match looked {
            Ok(looked) => json!({ "file": file.to_string_lossy(), "explained": told(looked) }),
            Err(error) => json!({ "file": file.to_string_lossy(), "refused": error_chain(error) }),
        });
        pretty(&each.collect())
    } else {
        let each = looked.iter().map(|(looked, file)| {
            let text = match looked {
                Ok(looked) => words(looked),
                Err(error) => format!("It is refused: {}.", error_chain(error)),
            };
            format!("{}:\n{text}\n", file.display())
        });
        each.collect::<Vec<_>>().join("\n")
    };
    Ok((said, looked.iter().all(|(looked, _)| looked.is_ok())))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("it holds nothing")]
    struct Empty(#[source] std::fmt::Error);

    #[test]
    fn a_whole_stick_is_explained_and_what_is_amiss_with_one_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        // Of the second one the name is no UTF-8.
        let at = |name: &str| match name {
            "b.flip" => folder.path().join(OsStr::from_bytes(b"b\xff.flip")),
            name => folder.path().join(name),
        };
        let inspected = |from: &Path, json| {
            let look = |path: &Path| {
                Ok(fs::read_to_string(path).unwrap())
                    .and_then(|text| if text.is_empty() { Err(Empty(std::fmt::Error)) } else { Ok(text) })
            };
            inspect(from, 2, json, look, |text| json!(text), |text| format!("It says {text}."))
        };
        let why = inspected(folder.path(), false).unwrap_err().to_string();
        assert_eq!(why, format!("{} holds no bundle", folder.path().display()));
        fs::write(at("a.flip"), "one").unwrap();
        fs::write(at("b.flip"), "").unwrap();
        assert_eq!(inspected(&at("a.flip"), false).unwrap(), ("It says one.".to_owned(), true));
        assert_eq!(inspected(&at("a.flip"), true).unwrap(), ("\"one\"".to_owned(), true));
        let why = inspected(&at("b.flip"), true).unwrap_err();
        assert_eq!(
            error_chain(&why),
            format!("{} is refused: it holds nothing: {}", at("b.flip").display(), std::fmt::Error)
        );
        let (said, all_good) = inspected(folder.path(), false).unwrap();
        let (one, other) = (at("a.flip"), at("b.flip"));
        let words = format!(
            "{}:\nIt says one.\n\n{}:\nIt is refused: it holds nothing: {}.\n",
            one.display(),
            other.display(),
            std::fmt::Error
        );
        assert_eq!((said, all_good), (words, false));
        let said: Value = serde_json::from_str(&inspected(folder.path(), true).unwrap().0).unwrap();
        assert_eq!(
            (&said[0]["explained"], &said[1]["file"]),
            (&json!("one"), &json!(other.to_string_lossy()))
        );
        fs::write(at("c.flip"), "").unwrap();
        assert!(matches!(inspected(folder.path(), true), Err(InspectError::Stick(StickError::TooMany(_)))));
    }
}
