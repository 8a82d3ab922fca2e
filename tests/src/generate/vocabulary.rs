//! A small true vocabulary: the concepts that a generated population uses, with their ancestry.
//!
//! What must stay true: every concept id that any generated row holds is in CONCEPT, and CONCEPT_ANCESTOR is closed
//! over the parents below. Deliberately absent: the licensed vocabularies themselves, and the concepts that describe
//! vocabularies, domains, classes and relationships (their metadata concept is 0).

mod concepts;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

pub use concepts::{CONCEPTS, INGREDIENTS, PARENTS, SYNONYMS};

use super::Census;
use super::calendar::Day;
use super::extract::{Folder, Value};
use Value::{Int, On, Text};

/// One concept.
#[derive(Debug, Clone, Copy)]
pub struct Concept {
    /// OHDSI's id.
    pub id: i64,
    /// OHDSI's name.
    pub name: &'static str,
    /// What it describes.
    pub domain: &'static str,
    /// Whose term it is.
    pub vocabulary: &'static str,
    /// Its class in that vocabulary.
    pub class: &'static str,
    /// Its code there; "" where we do not know it.
    pub code: &'static str,
    /// True for a standard concept, one that events are recorded with.
    pub standard: bool,
}

/// The code English synonyms are marked with.
const ENGLISH: i64 = 4_180_186;
const SINCE: Day = Day::of(1970, 1, 1);
const UNTIL: Day = Day::of(2099, 12, 31);

/// The relationships carried: id, name, hierarchical, defines ancestry, reverse.
const RELATIONSHIPS: [[&str; 5]; 4] = [
    ["Maps to", "Non-standard to Standard map (OMOP)", "0", "0", "Mapped from"],
    ["Mapped from", "Standard to Non-standard map (OMOP)", "0", "0", "Maps to"],
    ["Is a", "Is a", "1", "0", "Subsumes"],
    ["Subsumes", "Subsumes", "1", "1", "Is a"],
];

/// Writes the eight vocabulary tables.
pub fn write(folder: &Folder, census: &mut Census) -> io::Result<()> {
    write_concepts(folder, census)?;
    write_names(folder, census)?;
    write_relationships(folder, census)?;
    write_ancestors(folder, census)
}

fn write_concepts(folder: &Folder, census: &mut Census) -> io::Result<()> {
    let mut concept = folder.table(
        "concept",
        [
            "concept_id",
            "concept_name",
            "domain_id",
            "vocabulary_id",
            "concept_class_id",
            "standard_concept",
            "concept_code",
            "valid_start_date",
            "valid_end_date",
        ],
    )?;
    for Concept { id, name, domain, vocabulary, class, code, standard } in CONCEPTS {
        let stand_in = format!("OMOP{id}");
        concept.row(&[
            Int(*id),
            Text(name),
            Text(domain),
            Text(vocabulary),
            Text(class),
            if *standard { Text("S") } else { Value::Empty },
            Text(if code.is_empty() { &stand_in } else { code }),
            On(SINCE),
            On(UNTIL),
        ])?;
    }
    census.add("concept", concept.finish()?);

    let mut synonym =
        folder.table("concept_synonym", ["concept_id", "concept_synonym_name", "language_concept_id"])?;
    for (id, name) in SYNONYMS {
        synonym.row(&[Int(*id), Text(name), Int(ENGLISH)])?;
    }
    census.add("concept_synonym", synonym.finish()?);
    Ok(())
}

/// The tables that name the vocabularies, domains and classes of the concepts.
fn write_names(folder: &Folder, census: &mut Census) -> io::Result<()> {
    let distinct = |of: fn(&Concept) -> &'static str| CONCEPTS.iter().map(of).collect::<BTreeSet<_>>();
    let tables: [(&str, [&str; 3], BTreeSet<&str>); 3] = [
        (
            "vocabulary",
            ["vocabulary_id", "vocabulary_name", "vocabulary_concept_id"],
            distinct(|concept| concept.vocabulary),
        ),
        ("domain", ["domain_id", "domain_name", "domain_concept_id"], distinct(|concept| concept.domain)),
        (
            "concept_class",
            ["concept_class_id", "concept_class_name", "concept_class_concept_id"],
            distinct(|concept| concept.class),
        ),
    ];
    for (name, columns, ids) in tables {
        let mut table = folder.table(name, columns)?;
        for id in ids {
            table.row(&[Text(id), Text(id), Int(0)])?;
        }
        census.add(name, table.finish()?);
    }
    Ok(())
}

fn write_relationships(folder: &Folder, census: &mut Census) -> io::Result<()> {
    let mut relationship = folder.table(
        "relationship",
        [
            "relationship_id",
            "relationship_name",
            "is_hierarchical",
            "defines_ancestry",
            "reverse_relationship_id",
            "relationship_concept_id",
        ],
    )?;
    for [id, name, hierarchical, ancestry, reverse] in RELATIONSHIPS {
        relationship.row(&[
            Text(id),
            Text(name),
            Text(hierarchical),
            Text(ancestry),
            Text(reverse),
            Int(0),
        ])?;
    }
    census.add("relationship", relationship.finish()?);

    let mut related = folder.table(
        "concept_relationship",
        ["concept_id_1", "concept_id_2", "relationship_id", "valid_start_date", "valid_end_date"],
    )?;
    let mut pair =
        |from: i64, to: i64, name: &str| related.row(&[Int(from), Int(to), Text(name), On(SINCE), On(UNTIL)]);
    for concept in CONCEPTS.iter().filter(|concept| concept.standard) {
        pair(concept.id, concept.id, "Maps to")?;
        pair(concept.id, concept.id, "Mapped from")?;
    }
    for (child, parent) in PARENTS {
        pair(*child, *parent, "Is a")?;
        pair(*parent, *child, "Subsumes")?;
    }
    census.add("concept_relationship", related.finish()?);
    Ok(())
}

fn write_ancestors(folder: &Folder, census: &mut Census) -> io::Result<()> {
    let mut ancestor = folder.table(
        "concept_ancestor",
        [
            "ancestor_concept_id",
            "descendant_concept_id",
            "min_levels_of_separation",
            "max_levels_of_separation",
        ],
    )?;
    for concept in CONCEPTS.iter().filter(|concept| concept.standard) {
        for (id, (nearest, furthest)) in ancestors(concept.id) {
            ancestor.row(&[Int(id), Int(concept.id), Int(nearest), Int(furthest)])?;
        }
    }
    census.add("concept_ancestor", ancestor.finish()?);
    Ok(())
}

/// A concept's ancestors, itself among them, each with its least and greatest distance.
pub fn ancestors(concept: i64) -> BTreeMap<i64, (i64, i64)> {
    let mut found = BTreeMap::from([(concept, (0, 0))]);
    let mut edge = vec![concept];
    for distance in 1.. {
        edge = PARENTS
            .iter()
            .chain(INGREDIENTS)
            .filter(|(child, _)| edge.contains(child))
            .map(|(_, parent)| *parent)
            .collect();
        if edge.is_empty() {
            break;
        }
        for parent in &edge {
            found
                .entry(*parent)
                .and_modify(|(_, furthest)| *furthest = distance)
                .or_insert((distance, distance));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestry_is_closed_and_counts_levels() {
        let found = ancestors(312_327);
        let expected = [
            (134_057, (3, 3)),
            (312_327, (0, 0)),
            (321_588, (2, 2)),
            (4_274_025, (4, 4)),
            (4_329_847, (1, 1)),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(ancestors(40_163_924).get(&1_503_297), Some(&(1, 1)));
    }

    #[test]
    fn concepts_are_named_once_and_fit_the_model() {
        let ids: BTreeSet<i64> = CONCEPTS.iter().map(|concept| concept.id).collect();
        assert_eq!(ids.len(), CONCEPTS.len());
        for (child, parent) in PARENTS.iter().chain(INGREDIENTS) {
            assert!(ids.contains(child) && ids.contains(parent), "{child} {parent}");
        }
        assert!(SYNONYMS.iter().all(|(id, _)| ids.contains(id)));
    }
}
