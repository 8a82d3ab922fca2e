use super::*;
use crate::search::Words;

fn person(number: u128) -> PersonId {
    PersonId::from_bytes(number.to_be_bytes())
}

fn by(at: u64) -> By {
    By::command_line(UnixMillis(at))
}

fn as_person(number: u128) -> By {
    By::person(person(number), "somebody", UnixMillis(2))
}

async fn delete(ledger: &Ledger, who: u128, project: ProjectId) {
    let seal: Sealer = Box::new(|_, _, _| panic!("nothing was frozen"));
    let deleted = ledger.delete_project(as_person(who), project, UnixMillis(9), seal).await.unwrap();
    assert_eq!(deleted, Ok(Vec::new()));
}

fn project(number: u128) -> ProjectId {
    ProjectId(Uuid::from_u128(number))
}

fn ledger_with_people(folder: &tempfile::TempDir) -> Ledger {
    let ledger = Ledger::open(&folder.path().join("hub.sqlite")).unwrap();
    for (number, name) in [(1, "ada"), (2, "ben"), (3, "eve")] {
        let (role, hash) = (Role::Researcher, "hash".to_owned());
        ledger.add_person(by(1), person(number), name.to_owned(), role, hash).unwrap();
    }
    ledger
}

#[tokio::test]
async fn a_persons_own_project_is_made_once_and_again_after_it_was_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger_with_people(&folder);
    let make = async |who, fresh| {
        let own = move |tx: &Transaction<'_>| own_or_new(tx, &by(2), person(who), project(fresh));
        ledger.call("own", own).await.unwrap().unwrap()
    };
    assert_eq!(make(1, 11).await, project(11));
    assert_eq!(make(2, 12).await, project(12));
    assert_eq!(make(1, 13).await, project(11));
    ledger.set_password(by(2), "ada".to_owned(), "another".to_owned()).unwrap();
    assert_eq!(make(1, 13).await, project(11));
    delete(&ledger, 1, project(11)).await;
    assert_eq!(make(1, 14).await, project(14));
}

#[tokio::test]
async fn members_see_a_project_until_it_is_deleted_and_strangers_never() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger_with_people(&folder);
    let of = project(7);
    ledger.make_project(by(2), of, "Lungs".to_owned(), String::new(), person(1)).await.unwrap();
    let edit = async |edition, members: &[&str]| {
        let members = members.iter().map(|&name| name.to_owned()).collect();
        let (name, description) = ("Lungs".to_owned(), "CT".to_owned());
        let wanted = Edit { edition, name, description, members };
        ledger.edit_project(as_person(1), of, wanted).await.unwrap()
    };
    assert!(matches!(edit(1, &["BEN", "ada", "ben"]).await, Edited::Yes));
    assert_eq!(ledger.project(of).await.unwrap().unwrap().members, ["ben"]);
    assert!(matches!(edit(2, &["eve", "nobody"]).await, Edited::Nobody(name) if name == "nobody"));
    let Edited::Stale(now) = edit(1, &["eve"]).await else { panic!("an edit of what is no more") };
    assert_eq!((now.edition, now.members.as_slice()), (2, ["ben".to_owned()].as_slice()));
    assert_eq!(ledger.project(of).await.unwrap().unwrap().members, ["ben"], "half an edit");
    let relation = async |who| ledger.place(person(who), About::Project(of)).await.unwrap().unwrap().relation;
    let seen = async |who| ledger.projects(Seer::Person(person(who)), Listing::newest(9)).await.unwrap().1;
    assert_eq!((relation(1).await, seen(1).await), (Relation::Owner, 1));
    assert_eq!((relation(2).await, seen(2).await), (Relation::Member, 1));
    assert_eq!((relation(3).await, seen(3).await), (Relation::Stranger, 0));
    delete(&ledger, 1, of).await;
    assert_eq!((relation(1).await, seen(1).await), (Relation::Stranger, 0));
    assert_eq!(ledger.projects(Seer::Admin, Listing::newest(9)).await.unwrap().0.len(), 1);
    assert!(ledger.place(person(1), About::Query(Uuid::from_u128(5))).await.unwrap().is_none());
}

#[tokio::test]
async fn projects_are_found_by_words_and_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger_with_people(&folder);
    for (number, name) in [(1, "Lungs 100%"), (2, "Hearts"), (3, "lungs_too"), (4, "More lungs")] {
        let (name, description) = (name.to_owned(), format!("study {number}"));
        ledger.make_project(by(number), project(number.into()), name, description, person(1)).await.unwrap();
    }
    let look = async |words: &str, skip, most| {
        let look = Look { words: words.parse().unwrap(), skip, most };
        let of = Listing { look, ..Listing::newest(most) };
        let (found, count) = ledger.projects(Seer::Person(person(1)), of).await.unwrap();
        (found.into_iter().map(|one| one.name).collect::<Vec<_>>(), count)
    };
    assert_eq!(look("LUNGS", 0, 2).await, (vec!["More lungs".to_owned(), "lungs_too".to_owned()], 3));
    assert_eq!(look("LUNGS", 2, 2).await, (vec!["Lungs 100%".to_owned()], 3));
    assert_eq!(look("%", 0, 9).await, (vec!["Lungs 100%".to_owned()], 1));
    assert_eq!(look("s_t", 0, 9).await.1, 1);
    assert_eq!(look("study 2", 0, 9).await.0, ["Hearts"]);
    assert_eq!(look("", 3, 9).await, (vec!["Lungs 100%".to_owned()], 4));
}

#[tokio::test]
async fn projects_are_sorted_by_any_column_either_way_part_by_part_and_those_of_one_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger_with_people(&folder);
    // One with a number at two Trusts, one with a smaller number, one that was asked and not answered.
    for (number, name, owner) in
        [(1_u64, "beta", 2), (2, "Alpha", 1), (3, "gamma", 2), (4, "Delta", 1), (5, "gone", 1)]
    {
        let (name, at) = (name.to_owned(), by(number));
        ledger.make_project(at, project(number.into()), name, String::new(), person(owner)).await.unwrap();
    }
    delete(&ledger, 1, project(5)).await;
    let told = |persons: u64| {
        format!(
            "{{\"state\":\"done\",\"answer\":{{\"answer\":\"value\",\"persons\":{persons},\"fields\":[]}}}}"
        )
    };
    let orders = [(1, "approved", vec![told(30), told(12)]), (2, "staged", vec![told(41)])];
    let set = move |tx: &Transaction<'_>| {
        for (number, state, details) in &orders {
            let query = [*number; 16];
            tx.execute(
                "INSERT INTO query (id, name, sql, asked_by, asked_ms, project) VALUES (?1, '', '', '', 1, ?2)",
                (query, project(u128::from(*number)).bytes()),
            )?;
            tx.execute(
                "UPDATE project SET state = ?2, staged_query = ?3 WHERE id = ?1",
                (project(u128::from(*number)).bytes(), state, query),
            )?;
            for (trust, detail) in (1_u8..).zip(details) {
                let id = [trust; 16];
                tx.execute(
                    "INSERT INTO trust (id, name, added_ms) VALUES (?1, ?2, 1) ON CONFLICT DO NOTHING",
                    (id, trust.to_string()),
                )?;
                tx.execute(
                    "INSERT INTO work_order (id, trust, query, sequence, message, state, detail, expires_ms)
                     VALUES (?1, ?2, ?3, ?4, x'', 'done', ?5, 1)",
                    ([*number * 16 + trust; 16], id, query, *number, detail),
                )?;
            }
        }
        Ok(())
    };
    ledger.call("set", set).await.unwrap();
    let listed = async |sort: &str, owner: Option<u128>| {
        let mut names = Vec::new();
        // Two at a time: no row is on two pages, and none is left out.
        for skip in [0, 2, 4] {
            let look = Look { words: Words::default(), skip, most: 2 };
            let of = Listing { look, owner: owner.map(person), sorting: sort.parse().unwrap() };
            names.extend(ledger.projects(Seer::Admin, of).await.unwrap().0.into_iter().map(|one| one.name));
        }
        names.join(" ")
    };
    for (sort, order) in [
        ("-made", "Delta gamma Alpha beta gone"),
        ("made", "beta Alpha gamma Delta gone"),
        ("name", "Alpha beta Delta gamma gone"),
        ("-name", "gamma Delta beta Alpha gone"),
        ("state", "Delta gamma Alpha beta gone"),
        ("-state", "beta Alpha Delta gamma gone"),
        ("owner", "Delta Alpha gamma beta gone"),
        ("-owner", "gamma beta Delta Alpha gone"),
        ("persons", "Alpha beta Delta gamma gone"),
        ("-persons", "beta Alpha Delta gamma gone"),
    ] {
        assert_eq!(listed(sort, None).await, order, "{sort}");
    }
    assert_eq!(listed("name", Some(2)).await, "beta gamma");
}
