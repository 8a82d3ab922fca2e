//! Keys that are there twice.

use crate::support::{PERSON_HEADER, World};

#[test]
fn repeated_keys_are_named_with_the_first() {
    let world = World::empty();
    let rows = "1,0,1974,0,0,a\n2,0,1974,0,0,b\n01,0,1974,0,0,\"c\nd\"\n2,0,1974,0,0,e\n2.0,0,1974,0,0,f\n";
    world.file("person.csv", format!("{PERSON_HEADER}\n{rows}"));
    let problems = world.problem_list();
    assert_eq!(problems.total(), 3);
    let listed: Vec<_> = problems.listed().iter().map(ToString::to_string).collect();
    let expected = [
        "person.csv line 4, column person_id: the key repeats that of line 2",
        "person.csv line 6, column person_id: the key repeats that of line 3",
        "person.csv line 7, column person_id: the key repeats that of line 3",
    ];
    assert_eq!(listed, expected);

    // In a file that is in order, too.
    world.file("person.csv", format!("{PERSON_HEADER}\n1,0,1974,0,0,a\n1,0,1974,0,0,b\n2,0,1974,0,0,c\n"));
    assert_eq!(world.problems(), ["person.csv line 3, column person_id: the key repeats that of line 2"]);

    // Also beside other problems, when nothing is loaded.
    world.file("person.csv", format!("{PERSON_HEADER}\n1,0,1974,0,0,a\n1,0,19x4,0,0,b\n"));
    assert_eq!(
        world.problems(),
        [
            "person.csv line 3, column year_of_birth: not a whole number of at most 64 bits",
            "person.csv line 3, column person_id: the key repeats that of line 2",
        ]
    );
}

#[test]
fn text_keys_repeat_too() {
    let world = World::with_persons();
    world.file(
        "domain.csv",
        "domain_id\tdomain_name\tdomain_concept_id\nDrug\tDrug\t13\nDevice\tDevice\t17\nDrug\tDrug\t13\n",
    );
    assert_eq!(world.problems(), ["domain.csv line 4, column domain_id: the key repeats that of line 2"]);
}
