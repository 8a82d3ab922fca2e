//! What pages of `docs/` have from the code: the table of permissions, the routes, the acts of the audit, the codes of
//! problems.

use std::fmt::Write as _;

use crate::audit::Deed;
use crate::permissions::{Act, Cell, Column, Scope, decide};
use crate::problem::Code;

/// What stands between the marks of that page.
pub fn permissions() -> String {
    let mut text = String::from(
        "| act | what it is | admin | owner | member, researcher | member, viewer | staged at own Trust | \
         other researcher | other viewer | other trust-admin | nobody | password alone |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for act in Act::ALL.iter().copied() {
        let cells = Column::ALL.map(|column| match decide(act, column) {
            Cell::May => "yes",
            Cell::Forbidden => "403",
            Cell::Hidden => "404",
            Cell::SignIn => "401",
            Cell::SecondFactor => "code",
            Cell::Never => "",
        });
        put(&mut text, &format!("{} | {} | {}", act.name(), act.words(), cells.join(" | ")));
    }
    text.push_str("\n| scope | acts that it opens for a token |\n|---|---|\n");
    for scope in Scope::ALL {
        let acts: Vec<&str> = scope.acts().iter().map(|act| act.name()).collect();
        put(&mut text, &format!("{} | {}", scope.name(), acts.join(", ")));
    }
    text.push_str("\n| route | act |\n|---|---|\n");
    for route in super::table().routes() {
        put(&mut text, &format!("`{} {}` | {}", route.method, route.path, route.act.name()));
    }
    text
}

/// What stands between the marks of `docs/AUDIT.md`.
pub fn acts() -> String {
    let mut text = String::from("| act | what it is | facts beside `by` |\n|---|---|---|\n");
    for (act, words, facts) in Deed::ALL {
        let facts: Vec<String> = facts.iter().map(|fact| format!("`{fact}`")).collect();
        put(&mut text, &format!("`{act}` | {words} | {}", facts.join(", ")));
    }
    text
}

/// What stands between the marks of `docs/RESEARCHERS.md`.
pub fn codes() -> String {
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.status());
    let mut text = String::from("| status | code | why |\n|---|---|---|\n");
    for code in codes {
        put(&mut text, &format!("{} | `{}` | {}", code.status().as_u16(), code.name(), code.why()));
    }
    text
}

/// The API's document.
pub fn openapi() -> &'static str {
    super::api::document::text()
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "| {line} |").expect("a String takes it all");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(page: &str, printed: &str) {
        let file = format!("{}/../docs/{page}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, rest) = text.split_once("<!-- from the code -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- until here -->\n").unwrap();
        let right = format!("{before}<!-- from the code -->\n{printed}<!-- until here -->\n{after}");
        if std::env::var_os("FLIP_WRITE_DOCS").is_some() {
            std::fs::write(file, &right).unwrap();
        }
        assert!(text == right, "docs/{page} is not what the code says: FLIP_WRITE_DOCS=1 writes it");
    }

    #[test]
    fn the_docs_have_the_table_as_it_is() {
        compare("PERMISSIONS.md", &permissions());
    }

    #[test]
    fn the_docs_have_the_acts_of_the_audit() {
        compare("AUDIT.md", &acts());
    }

    #[test]
    fn the_docs_have_the_codes_of_problems() {
        compare("RESEARCHERS.md", &codes());
    }
}
