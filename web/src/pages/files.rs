//! The files of a model: what is needed, what is here, and the form that brings more.

use serde::Serialize;

use super::{Moment, sample};

/// A file that the model's job needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Its name.
    pub name: String,
    /// Whether it is here.
    pub state: NeedState,
}

/// Whether a file that is needed is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedState {
    /// It is clean.
    Here,
    /// It is brought or scanned now.
    Coming,
    /// It is not.
    Missing,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileRow {
    /// Its id, for the ids of the page.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it is.
    pub state: FileState,
    /// Lines of it that somebody should look at, and why.
    pub notes: Vec<(u64, String)>,
    /// Who brought it.
    pub by: String,
    /// When.
    pub at: Moment,
    /// Where it is fetched; `None` where it cannot be, or the person may not.
    pub fetch_href: Option<String>,
    /// Where its deletion posts to; `None` where the person may not.
    pub delete_action: Option<String>,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FileState {
    /// Its bytes come.
    Uploading {
        /// Bytes that are here.
        received: u64,
    },
    /// It waits to be scanned.
    Quarantined {
        /// What is in the way; `None` where nothing is.
        why: Option<String>,
    },
    /// It is kept.
    Clean {
        /// SHA-256 in hexadecimal.
        sha256: String,
    },
    /// The scanner refused it.
    Refused {
        /// Why.
        why: String,
    },
    /// It could not be scanned.
    Failed {
        /// Why.
        why: String,
    },
}

/// The form that brings files, and where the script finds the API that does it by pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bring {
    /// Where the form posts `files` to.
    pub action: String,
    /// Where uploads are opened.
    pub api: String,
    /// The endings that are let in, as a file field's `accept`.
    pub accept: String,
    /// Bytes that a file has at most.
    pub bytes_max: u64,
}

pub(super) fn needs() -> Vec<Need> {
    let need = |name: &str, state| Need { name: name.to_owned(), state };
    vec![
        need("client_app.py", NeedState::Here),
        need("config.json", NeedState::Coming),
        need("models.py", NeedState::Missing),
    ]
}

pub(super) fn rows() -> Vec<FileRow> {
    let states = [
        FileState::Clean {
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
        },
        FileState::Uploading { received: 734_003_200 },
        FileState::Quarantined { why: None },
        FileState::Quarantined { why: Some("the artefact store does not take it now".to_owned()) },
        FileState::Refused { why: "its pickle names posix.system (byte 11)".to_owned() },
        FileState::Failed { why: "the scan took longer than 90 s".to_owned() },
    ];
    let names =
        ["client_app.py", "weights.safetensors", "config.json", "labels.csv", "weights.pkl", "big.pt"];
    let rows = names.iter().zip(states).enumerate().map(|(number, (name, state))| FileRow {
        id: number.to_string(),
        name: (*name).to_owned(),
        bytes: 1_288_490_188,
        notes: if number == 0 {
            vec![(3, "starts programs: what they do cannot be read here; do it in Python".to_owned())]
        } else {
            Vec::new()
        },
        fetch_href: matches!(state, FileState::Clean { .. }).then(|| format!("/models/4/files/{number}")),
        state,
        by: "r.okafor@flip.example".to_owned(),
        at: sample::moment("2026-07-21T08:12:03Z", "4 minutes ago"),
        delete_action: Some(format!("/models/4/files/{number}/delete")),
    });
    rows.collect()
}

pub(super) fn bring() -> Bring {
    Bring {
        action: "/uploads/models/4".to_owned(),
        api: "/api/v1/models/4/files".to_owned(),
        accept: ".py,.json,.pt,.safetensors".to_owned(),
        bytes_max: 5_368_709_120,
    }
}
