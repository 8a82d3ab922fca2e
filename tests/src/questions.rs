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

/// Questions in the manner of OMOP's and FLIP's tutorials. Each finds ten persons or more in a generated population
/// of 1,500 with imaging.
pub const TUTORIALS: &[(&str, &str)] = &[
    ("persons", "SELECT * FROM person"),
    (
        "joins through concept",
        "SELECT p.person_id, c.concept_name, co.condition_start_date
         FROM omop.condition_occurrence AS co
         INNER JOIN omop.person p USING (person_id)
         LEFT JOIN omop.concept c ON c.concept_id = co.condition_concept_id AND c.domain_id = 'Condition'
         WHERE c.standard_concept = 'S'",
    ),
    (
        "joins through concept_ancestor",
        "SELECT DISTINCT co.person_id
         FROM omop.condition_occurrence co
         JOIN omop.concept_ancestor ca ON ca.descendant_concept_id = co.condition_concept_id
         WHERE ca.ancestor_concept_id = 201820;",
    ),
    (
        "common table expressions",
        "WITH diabetics AS (
             SELECT person_id, MIN(condition_start_date) AS first_date
             FROM omop.condition_occurrence WHERE condition_concept_id = 201826 GROUP BY person_id
         ), visits AS (
             SELECT person_id, count(*) AS n FROM omop.visit_occurrence GROUP BY 1
         )
         SELECT d.person_id, d.first_date, v.n FROM diabetics d JOIN visits v ON v.person_id = d.person_id",
    ),
    (
        "date arithmetic",
        "SELECT vo.person_id, vo.visit_end_date - vo.visit_start_date AS days
         FROM omop.visit_occurrence vo
         WHERE vo.visit_start_date + INTERVAL '1 year' > DATE '2012-01-01'
           AND vo.visit_end_date - vo.visit_start_date >= 0",
    ),
    (
        "age() and EXTRACT",
        "SELECT person_id, EXTRACT(YEAR FROM age(birth_datetime)) AS years
         FROM omop.person
         WHERE EXTRACT(YEAR FROM AGE(CURRENT_DATE, birth_datetime)) >= 40",
    ),
    (
        "casts",
        "SELECT person_id, year_of_birth::text AS born, CAST(birth_datetime AS date) AS day,
                (year_of_birth / 10) * 10 AS decade, '2000-01-01'::date AS since
         FROM omop.person WHERE birth_datetime::date < '1990-01-01'::date",
    ),
    (
        "ILIKE, IN, BETWEEN, CASE",
        "SELECT p.person_id, CASE WHEN p.year_of_birth < 1960 THEN 'older' ELSE 'younger' END AS age_band
         FROM omop.person p
         WHERE p.gender_source_value ILIKE 'f%'
           AND p.race_concept_id IN (8527, 8516, 8515)
           AND p.year_of_birth BETWEEN 1930 AND 2005",
    ),
    (
        "DISTINCT ON",
        "SELECT DISTINCT ON (m.person_id) m.person_id, m.measurement_date, m.value_as_number
         FROM omop.measurement m ORDER BY m.person_id, m.measurement_date DESC NULLS LAST",
    ),
    (
        "window functions",
        "SELECT person_id, drug_exposure_start_date FROM (
             SELECT person_id, drug_exposure_start_date,
                    ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY drug_exposure_start_date) AS rn
             FROM omop.drug_exposure) AS ranked
         WHERE rn = 1",
    ),
    (
        "set operations and EXISTS",
        "SELECT person_id FROM omop.condition_occurrence WHERE condition_concept_id = 320128
         UNION
         SELECT p.person_id FROM omop.person p
         WHERE EXISTS (SELECT 1 FROM omop.visit_occurrence v WHERE v.person_id = p.person_id
                       AND v.visit_concept_id = 9201)",
    ),
    (
        "aggregates with FILTER and HAVING",
        "SELECT person_id, count(*) FILTER (WHERE value_as_number IS NOT NULL) AS measured, avg(value_as_number)
         FROM omop.measurement GROUP BY person_id HAVING count(*) >= 2",
    ),
    (
        "imaging by accession",
        "SELECT io.accession_id, io.image_occurrence_date, c.concept_name AS modality
         FROM omop.image_occurrence io
         LEFT JOIN omop.concept c ON c.concept_id = io.modality_concept_id
         WHERE date_trunc('year', io.image_occurrence_date) >= '2000-01-01'
         LIMIT 5000",
    ),
];
