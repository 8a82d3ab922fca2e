//! Which projects of a list are looked at, and in which order.

use super::super::queries::SUMMARY;
use crate::person::PersonId;
use crate::search::Words;
use crate::sorting::{self, Sorting};

/// Which rows of a list are looked at.
#[derive(Debug, Clone)]
pub struct Look {
    /// Words that they have.
    pub words: Words,
    /// How many are passed over.
    pub skip: u32,
    /// How many are wanted at most.
    pub most: u32,
}

/// A list of projects, and what of it is looked at.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Words of the name or the description, and which part.
    pub look: Look,
    /// Of that owner alone.
    pub owner: Option<PersonId>,
    /// Its order.
    pub sorting: Sorting<ProjectColumn>,
}

impl Listing {
    /// The newest.
    pub fn newest(most: u32) -> Self {
        let look = Look { words: Words::default(), skip: 0, most };
        Self { look, owner: None, sorting: Sorting::default() }
    }
}

/// What a list of projects can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectColumn {
    /// Its name.
    Name,
    /// Where it is: unstaged, staged, approved.
    State,
    /// Its owner's name.
    Owner,
    /// The persons in the answer to the query that it is staged with; without a number it is last either way.
    Persons,
    /// When it was made.
    Made,
}

impl sorting::Column for ProjectColumn {
    const ALL: &'static [(&'static str, Self, bool)] = &[
        ("name", Self::Name, false),
        ("state", Self::State, false),
        ("owner", Self::Owner, false),
        ("persons", Self::Persons, true),
        ("made", Self::Made, true),
    ];
    const USUAL: Sorting<Self> = Sorting { by: Self::Made, down: true };
}

impl ProjectColumn {
    /// As SQL, of `project` and `owner`.
    pub(super) fn sql(self) -> String {
        match self {
            Self::Name => "project.name COLLATE NOCASE".to_owned(),
            Self::State => {
                "CASE project.state WHEN 'unstaged' THEN 0 WHEN 'staged' THEN 1 ELSE 2 END".to_owned()
            }
            Self::Owner => "owner.name COLLATE NOCASE".to_owned(),
            // As `combine` adds them up, of what the index of orders has ready.
            Self::Persons => format!(
                "(SELECT sum(json_extract({SUMMARY}, '$.answer.persons')) FROM work_order
                  WHERE work_order.query = project.staged_query AND work_order.kind = 'cohort_query')"
            ),
            Self::Made => "project.made_ms".to_owned(),
        }
    }
}
