//! Every question of a project, and what changed from one to the next.

use similar::{ChangeTag, TextDiff};
use uuid::Uuid;

use crate::combine::{Combined, combine};
use crate::hub::Hub;
use crate::ledger::projects::{Project, Seer};
use crate::ledger::queries::Query;
use crate::people::may::May;
use crate::permissions::acts;
use crate::problem::ApiProblem;
use crate::search::Words;

/// A project's questions.
pub struct History {
    /// The project.
    pub project: Project,
    /// Its questions, the newest first.
    pub questions: Vec<Question>,
    /// True where there are older ones.
    pub more: bool,
}

impl History {
    /// The question after which the list goes on.
    pub fn next(&self) -> Option<Uuid> {
        self.questions.last().map(|one| one.query.id).filter(|_| self.more)
    }
}

/// One question.
pub struct Question {
    /// The question.
    pub query: Query,
    /// What Trusts said.
    pub combined: Combined,
    /// True for the one that Trusts decide about, or that would be staged now: the newest.
    pub current: bool,
    /// Its lines beside those of the one before it; empty where it is the first, or they are the same.
    pub changes: Vec<Line>,
}

/// One line of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `+` where it came, `-` where it went, a space where it stayed.
    pub sign: char,
    /// The line.
    pub text: String,
}

/// The project's questions with these words in their name or SQL.
pub async fn of(
    may: &May<acts::SeeAnswers>,
    hub: &Hub,
    words: &Words,
    after: Option<Uuid>,
    most: u32,
) -> Result<History, ApiProblem> {
    let project = super::projects::found(hub, may.project()).await?;
    let links = super::links(hub).await?;
    // Who got here sees the project, also one that was deleted.
    let mut found = hub.ledger.queries(Seer::Admin, Some(project.id), words, after, most + 1).await?;
    let more = found.len() > most as usize;
    let staged: Option<Uuid> = project.lifecycle.staged().map(|staged| staged.query);
    let current = if staged.is_some() { staged } else { hub.ledger.newest_query(project.id).await? };
    found.truncate(most as usize);
    // Of the one that was asked before, whether it has the words or not.
    let ids = found.iter().map(|(query, _)| query.id).collect();
    let before = hub.ledger.questions_before(project.id, ids).await?;
    let questions = found.into_iter().zip(before).map(|((query, asked), before)| Question {
        combined: combine(&asked, |trust| super::link_of(&links, trust)),
        current: current == Some(query.id),
        changes: before.map(|before| changes(&before, &query.sql)).unwrap_or_default(),
        query,
    });
    Ok(History { questions: questions.collect(), project, more })
}

/// The lines of a text beside those of the one before it; none where they are the same.
fn changes(before: &str, now: &str) -> Vec<Line> {
    let (before, now): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    if before == now {
        return Vec::new();
    }
    TextDiff::from_slices(&before, &now)
        .iter_all_changes()
        .map(|change| Line {
            sign: match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            },
            text: change.value().to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_came_and_went_are_told_and_the_same_text_tells_nothing() {
        let told: Vec<String> = changes("SELECT a\nFROM t\n", "SELECT b\nFROM t")
            .into_iter()
            .map(|line| format!("{}{}", line.sign, line.text))
            .collect();
        assert_eq!(told, ["-SELECT a", "+SELECT b", " FROM t"].map(str::to_owned));
        assert_eq!(changes("SELECT a\r\n", "SELECT a"), []);
    }
}
