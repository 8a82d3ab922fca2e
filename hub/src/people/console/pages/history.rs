//! A project's questions as a page context.

use flip_protocol::UnixMillis;
use flip_web::pages as web;

use super::{frame, query_row};
use crate::people::act::history::History;
use crate::people::may::May;
use crate::permissions::{Act, acts};

/// The page.
pub fn page(seer: &May<acts::SeeAnswers>, history: &History, now: UnixMillis) -> web::ProjectHistory {
    let project = &history.project;
    let asks = project.lifecycle.is_open() && seer.also(Act::Ask);
    let current = if project.lifecycle.is_open() { "the newest" } else { project.lifecycle.name() };
    let questions = history.questions.iter().map(|one| web::Question {
        row: query_row(&one.query, &one.combined, now),
        sql: one.query.sql.clone(),
        current: one.current.then(|| current.to_owned()),
        changes: one
            .changes
            .iter()
            .map(|line| web::Change { sign: line.sign.to_string(), line: line.text.clone() })
            .collect(),
        again_href: asks.then(|| format!("/queries/new?project={}&again={}", project.id, one.query.id)),
    });
    web::ProjectHistory {
        frame: frame(Some(seer.person())),
        name: project.name.clone(),
        href: format!("/projects/{}", project.id),
        questions: questions.collect(),
        search: String::new(),
        pager: web::Pager::default(),
    }
}
