//! The corpus: files of questions by theme, each question under its title.
//!
//! A question is set apart by a blank line. Its first line is `-- title`; `-- ordered: title` where its order is
//! fully determined and counts.

use std::fs;
use std::path::Path;

/// One question.
pub struct Question {
    pub title: String,
    pub ordered: bool,
    pub sql: String,
}

/// All questions, file by file.
pub fn questions() -> Vec<Question> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/questions");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Question> {
    let theme = file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(file).unwrap();
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let (title, sql) = block.split_once('\n').unwrap();
            let title = title.strip_prefix("-- ").unwrap_or_else(|| panic!("{theme}: no title: {block}"));
            let (ordered, title) = match title.strip_prefix("ordered: ") {
                Some(title) => (true, title),
                None => (false, title),
            };
            Question { title: format!("{theme}: {title}"), ordered, sql: sql.to_owned() }
        })
        .collect()
}
