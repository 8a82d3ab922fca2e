//! What the things that acts name by their ids are called now.

use std::collections::HashMap;

use flip_storage::rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::super::{Ledger, LedgerError};

impl Ledger {
    /// The names of those of these ids that are a project, a question, a model, a Trust or a person.
    pub async fn names(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, String>, LedgerError> {
        self.call("names", move |tx| {
            let mut named = tx.prepare_cached(
                "SELECT name FROM project WHERE id = ?1 UNION ALL SELECT name FROM query WHERE id = ?1
                 UNION ALL SELECT name FROM model WHERE id = ?1 UNION ALL SELECT name FROM trust WHERE id = ?1
                 UNION ALL SELECT name FROM person WHERE id = ?1 LIMIT 1",
            )?;
            let mut names = HashMap::new();
            for id in ids {
                if !names.contains_key(&id)
                    && let Some(name) = named.query_row([id.as_bytes()], |row| row.get(0)).optional()?
                {
                    names.insert(id, name);
                }
            }
            Ok(names)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use flip_protocol::UnixMillis;

    use super::*;
    use crate::audit::By;
    use crate::ledger::people::Details;
    use crate::person::{PersonId, Role};

    #[tokio::test]
    async fn ids_have_the_names_of_now_and_those_of_nothing_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
        let details = Details { name: "ada".to_owned(), email: None, role: Role::Viewer };
        let (by, ada) = (By::command_line(UnixMillis(1)), PersonId::from_bytes([1; 16]));
        ledger.add_reachable_person(by, ada, details, "hash".to_owned()).unwrap();
        let ids = [1, 1, 2].map(|number| Uuid::from_bytes([number; 16]));
        let names = ledger.names(ids.to_vec()).await.unwrap();
        assert_eq!(names, HashMap::from([(ids[0], "ada".to_owned())]));
    }
}
