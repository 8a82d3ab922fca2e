//! The most frequent values of a result's concepts, texts and days.
//!
//! A person stands once in each value that they have, and in no more values than a crowd of persons has. What must stay
//! true: a value that few have is counted like any other; what is shown is for `disclosure` to say.

use duckdb::Connection;

use super::bounds;
use super::columns::Kind;
use super::database::{Fault, rows};
use super::labels::{Key, Tally, labelled};
use super::wire::Category;

/// What a value is, persons, and the most values that one person is counted for.
type Value = (Option<String>, u64, u64);

/// Measures the column at a position; nothing where fewer than a crowd have values. `single` where each person has one
/// row.
pub(super) fn measure(
    database: &Connection,
    at: usize,
    kind: Kind,
    crowd: u64,
    single: bool,
) -> Result<Option<Category>, Fault> {
    let key = match kind {
        Kind::Day => format!("year(c{at})::VARCHAR"),
        Kind::Concept => format!("c{at}::VARCHAR"),
        Kind::Text | Kind::Number | Kind::Opaque => {
            format!("left(trim(c{at}::VARCHAR), {})", bounds::LABEL_CHARACTERS)
        }
    };
    let values = format!("FROM cohort WHERE c{at} IS NOT NULL");
    let sql = if single { once(&key, &values) } else { several(&key, &values, crowd) };
    let found: Vec<Value> = rows(database, &sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let Some(cap) = found.first().map(|(_, _, cap)| *cap) else { return Ok(None) };
    if single && found.iter().map(|(_, persons, _)| persons).sum::<u64>() < crowd {
        return Ok(None);
    }
    let groups = found.into_iter().map(|(text, persons, _)| {
        let text = text.unwrap_or_default();
        let key = if kind == Kind::Concept { Key::Concept(text.parse().ok()) } else { Key::Text(text) };
        (key, Tally { count: persons, persons })
    });
    let groups = labelled(database, groups)?.into_iter().map(|(label, tally)| (label, tally.count));
    Ok(Some(Category { column: at, groups: groups.collect(), cap }))
}

/// Where each person has one row, and so one value at most.
fn once(key: &str, values: &str) -> String {
    format!(
        "SELECT {key} AS key, count(*)::BIGINT AS persons, 1::BIGINT {values} \
         GROUP BY key ORDER BY persons DESC, key LIMIT {}",
        bounds::LABELS
    )
}

/// Which of their values those are counted for who have more than the cap is nothing that anybody chooses.
fn several(key: &str, values: &str, crowd: u64) -> String {
    format!(
        "WITH pairs AS MATERIALIZED (SELECT DISTINCT p, {key} AS key {values}), \
         held AS MATERIALIZED (SELECT p, count(*) AS k FROM pairs GROUP BY p), \
         cap AS MATERIALIZED (SELECT k AS cap FROM held ORDER BY k DESC LIMIT 1 OFFSET {}), \
         beyond AS MATERIALIZED (SELECT p FROM held, cap WHERE k > cap), \
         counted AS (SELECT key FROM pairs ANTI JOIN beyond USING (p) UNION ALL \
         SELECT key FROM (SELECT key, row_number() OVER (PARTITION BY p ORDER BY hash(key), key) AS nth \
         FROM pairs SEMI JOIN beyond USING (p)), cap WHERE nth <= cap) \
         SELECT key, count(*)::BIGINT AS persons, any_value(cap)::BIGINT FROM counted, cap \
         GROUP BY key ORDER BY persons DESC, key LIMIT {}",
        crowd.saturating_sub(1),
        bounds::LABELS
    )
}
