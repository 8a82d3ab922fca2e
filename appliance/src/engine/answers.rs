//! Counts of recent questions, for the same question asked again.
//!
//! A generation never changes and a plan is a function of it, so its counts are too. A plan that could read a clock
//! is not kept. Deliberately absent: persistence (a restart asks again) and rows.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::wire::Question;
use crate::disclosure::RawCounts;

pub(super) struct Answers {
    kept_max: usize,
    newest_first: VecDeque<Kept>,
}

struct Kept {
    generation_file: PathBuf,
    question: Question,
    counts: RawCounts,
}

impl Answers {
    pub fn new(kept_max: usize) -> Self {
        Self { kept_max, newest_first: VecDeque::new() }
    }

    pub fn find(&mut self, generation_file: &Path, question: &Question) -> Option<RawCounts> {
        let at = self
            .newest_first
            .iter()
            .position(|kept| kept.generation_file == generation_file && kept.question == *question)?;
        let kept = self.newest_first.remove(at)?;
        let counts = kept.counts.clone();
        self.newest_first.push_front(kept);
        Some(counts)
    }

    pub fn keep(&mut self, generation_file: &Path, question: &Question, counts: &RawCounts) {
        if self.kept_max == 0 || !is_timeless(question.plan.engine_sql()) {
            return;
        }
        self.newest_first.push_front(Kept {
            generation_file: generation_file.to_owned(),
            question: question.clone(),
            counts: counts.clone(),
        });
        self.newest_first.truncate(self.kept_max);
    }
}

/// False where the text holds a word that could make two runs differ. It errs towards false.
fn is_timeless(engine_sql: &str) -> bool {
    const CHANGING: [&str; 9] =
        ["current_", "now", "today", "localtime", "random", "setseed", "uuid", "nextval", "age("];
    let text = engine_sql.to_ascii_lowercase();
    !CHANGING.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_a_clock_is_not_timeless() {
        assert!(is_timeless("SELECT person_id FROM omop.person"));
        assert!(!is_timeless("SELECT person_id FROM omop.person WHERE birth_datetime < NOW()"));
        assert!(!is_timeless("SELECT CURRENT_DATE"));
    }
}
