-- either of two
SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 201820
UNION
SELECT person_id FROM drug_exposure WHERE drug_concept_id = 1539464

-- all of two, doubled
SELECT person_id, condition_concept_id AS concept FROM condition_occurrence WHERE condition_concept_id = 201820
UNION ALL
SELECT person_id, drug_concept_id FROM drug_exposure WHERE drug_concept_id = 1127433

-- both of two
SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 260139
INTERSECT
SELECT person_id FROM visit_occurrence WHERE visit_concept_id = 9203

-- one without the other
SELECT person_id FROM visit_occurrence WHERE visit_concept_id = 9201
EXCEPT
SELECT person_id FROM death

-- both of two where a value is missing on either side
SELECT person_id, provider_id, value_as_number FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)
INTERSECT
SELECT person_id, provider_id, value_as_number FROM measurement WHERE value_as_number IS NULL OR value_as_number > 10

-- one without the other where a value is missing
SELECT person_id, provider_id FROM measurement
EXCEPT
SELECT person_id, provider_id FROM visit_occurrence WHERE visit_concept_id = 9203

-- ordered: one column twice, and a chain of three with an order of its own
SELECT person_id, person_id, year_of_birth AS y FROM person WHERE year_of_birth < 1960
INTERSECT SELECT person_id, person_id, year_of_birth FROM person WHERE gender_concept_id = 8507
EXCEPT SELECT d.person_id, d.person_id, p.year_of_birth FROM death d JOIN person p ON p.person_id = d.person_id
ORDER BY y DESC, 1

-- a set operation of set operations in WITH, joined to a table
WITH seen AS ((SELECT person_id FROM visit_occurrence EXCEPT SELECT person_id FROM death)
    INTERSECT (SELECT person_id FROM condition_occurrence UNION ALL SELECT person_id FROM drug_exposure))
SELECT s.person_id, p.year_of_birth FROM seen s JOIN person p ON p.person_id = s.person_id

-- a set operation in a subquery of the row outside
SELECT p.person_id FROM person p WHERE EXISTS (
    SELECT v.person_id FROM visit_occurrence v WHERE v.person_id = p.person_id
    EXCEPT SELECT d.person_id FROM death d WHERE d.person_id = p.person_id)

-- dates and moments meet in INTERSECT
SELECT person_id, visit_start_date AS day FROM visit_occurrence
INTERSECT SELECT person_id, visit_end_datetime FROM visit_occurrence

-- INTERSECT binds closer than UNION
SELECT person_id FROM death UNION SELECT person_id FROM image_occurrence INTERSECT SELECT person_id FROM image_feature

-- brackets decide
(SELECT person_id FROM death UNION SELECT person_id FROM image_occurrence) EXCEPT ALL SELECT person_id FROM image_feature

-- INTERSECT ALL counts
SELECT person_id FROM image_occurrence INTERSECT ALL SELECT person_id FROM procedure_occurrence

-- ordered: a union in order with a limit
SELECT person_id, death_date AS day FROM death UNION SELECT person_id, image_occurrence_date FROM image_occurrence
ORDER BY day DESC, person_id

-- numbers and fractions meet in a union
SELECT person_id, 1 AS v FROM death UNION ALL SELECT person_id, 2.5 FROM death UNION ALL SELECT person_id, NULL FROM death

-- texts and NULL meet in a union
SELECT person_id, cause_source_value AS t FROM death UNION ALL SELECT person_id, NULL FROM death

-- dates and timestamps meet in a union
SELECT person_id, death_date AS t FROM death UNION ALL SELECT person_id, death_datetime FROM death

-- EXISTS
SELECT p.person_id FROM person p WHERE EXISTS (
  SELECT 1 FROM condition_occurrence c WHERE c.person_id = p.person_id AND c.condition_concept_id = 201820)

-- NOT EXISTS
SELECT p.person_id FROM person p WHERE p.year_of_birth < 1940 AND NOT EXISTS (
  SELECT * FROM drug_exposure d WHERE d.person_id = p.person_id AND d.drug_exposure_start_date > '2010-01-01')

-- IN a subquery of persons
SELECT person_id, visit_start_date FROM visit_occurrence WHERE person_id IN (SELECT person_id FROM image_occurrence)

-- NOT IN a subquery of persons
SELECT person_id FROM death WHERE person_id NOT IN (SELECT person_id FROM image_occurrence)

-- IN a subquery of concepts
SELECT person_id FROM condition_occurrence WHERE condition_concept_id IN (
  SELECT concept_id FROM concept WHERE concept_name LIKE '%fracture%' OR vocabulary_id = 'ICD10')
  OR condition_concept_id IN (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 4112343)

-- pairs in a subquery
SELECT person_id, condition_start_date FROM condition_occurrence
WHERE (person_id, condition_start_date) IN (SELECT person_id, visit_start_date FROM visit_occurrence WHERE visit_concept_id = 9203)

-- equal to any and unequal to all
SELECT d.person_id FROM death d WHERE d.person_id = ANY (SELECT person_id FROM image_occurrence)
  AND d.cause_concept_id <> ALL (SELECT concept_id FROM concept WHERE domain_id = 'Gender')

-- greater than all of the person's own
SELECT m.person_id, m.value_as_number FROM measurement m WHERE m.measurement_concept_id = 3004410 AND m.value_as_number >= ALL (
  SELECT o.value_as_number FROM measurement o WHERE o.person_id = m.person_id AND o.measurement_concept_id = 3004410
    AND o.value_as_number IS NOT NULL)

-- less than any of the person's own
SELECT m.person_id, m.value_as_number FROM measurement m WHERE m.measurement_concept_id = 3004410 AND m.value_as_number < ANY (
  SELECT o.range_low FROM measurement o WHERE o.person_id = m.person_id AND o.measurement_concept_id = 3004410)

-- a value from a subquery
SELECT p.person_id, (SELECT count(*) FROM visit_occurrence v WHERE v.person_id = p.person_id) AS visits,
       (SELECT max(m.value_as_number) FROM measurement m WHERE m.person_id = p.person_id AND m.measurement_concept_id = 3004410) AS most
FROM person p

-- a value of the vocabulary from a subquery
SELECT p.person_id, (SELECT c.concept_name FROM concept c WHERE c.concept_id = p.gender_concept_id) AS sex FROM person p

-- subqueries within subqueries
SELECT p.person_id FROM person p WHERE EXISTS (SELECT 1 FROM visit_occurrence v WHERE v.person_id = p.person_id AND EXISTS (
  SELECT 1 FROM measurement m WHERE m.person_id = v.person_id AND m.visit_occurrence_id = v.visit_occurrence_id
    AND m.measurement_concept_id = 3004410))

-- a subquery in SELECT, WHERE and CASE
SELECT p.person_id, CASE WHEN EXISTS (SELECT 1 FROM death d WHERE d.person_id = p.person_id) THEN 'dead' ELSE 'alive' END AS state
FROM person p WHERE (SELECT min(v.visit_start_date) FROM visit_occurrence v WHERE v.person_id = p.person_id) > '2015-01-01'

-- a full join with USING
SELECT person_id, d.death_date, i.image_occurrence_date FROM death d FULL JOIN image_occurrence i USING (person_id)

-- whole numbers and texts meet NULL in EXCEPT
SELECT person_id, unit_source_value FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)
EXCEPT
SELECT person_id, NULL FROM measurement WHERE value_as_number IS NULL

-- UNION of a literal and a column of text
SELECT person_id, 'dead' AS state, death_date AS d FROM death
UNION
SELECT person_id, gender_source_value, CAST(birth_datetime AS date) FROM person WHERE year_of_birth < 1910
