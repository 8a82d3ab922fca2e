//! The questions that the demo, the scenarios and the benchmarks ask, in the PostgreSQL of OMOP tutorials.

/// Type 2 diabetes, joined to its concept's name.
pub const DIABETES: &str = "\
SELECT p.person_id, p.year_of_birth, co.condition_start_date
FROM omop.person p
JOIN omop.condition_occurrence co ON co.person_id = p.person_id
JOIN omop.concept c ON c.concept_id = co.condition_concept_id
WHERE c.concept_name ILIKE 'diabetes%' OR c.concept_id = 201826";

/// The concepts that [`DIABETES`] finds in either population.
pub const DIABETES_CONCEPTS: &[&str] = &["201826", "201820"];

/// Non-small cell lung cancer: fewer than ten persons in either population of the demo.
pub const RARE: &str = "\
SELECT DISTINCT person_id
FROM omop.condition_occurrence
WHERE condition_concept_id = 4115276";

/// The concept of [`RARE`].
pub const RARE_CONCEPTS: &[&str] = &["4115276"];

/// A question that reaches outside the OMOP tables.
pub const OUTSIDE: &str = "SELECT person_id FROM public.patients";

/// Every person.
pub const EVERYONE: &str = "SELECT person_id, gender_concept_id FROM omop.person";
