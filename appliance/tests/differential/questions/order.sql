-- ordered: NULL comes last upwards
SELECT m.person_id, m.value_as_number FROM measurement m WHERE m.measurement_concept_id IN (3004410, 3000963)
ORDER BY m.value_as_number, m.measurement_date, m.person_id

-- ordered: NULL comes first downwards
SELECT m.person_id, m.value_as_number FROM measurement m WHERE m.measurement_concept_id IN (3004410, 3000963)
ORDER BY m.value_as_number DESC, m.measurement_date, m.person_id

-- ordered: NULL where the question puts it
SELECT person_id, unit_source_value, value_as_number FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)
ORDER BY unit_source_value ASC NULLS FIRST, value_as_number DESC NULLS LAST, measurement_date, person_id

-- ordered: texts by their bytes
SELECT person_id, race_source_value FROM person WHERE year_of_birth IN (1950, 2000, 1999, 2020, 1964, 1901, 2024)
ORDER BY race_source_value, person_id

-- ordered: by a label
SELECT person_id, 2020 - year_of_birth AS age FROM person ORDER BY age, person_id

-- ordered: by position
SELECT person_id, year_of_birth, gender_source_value FROM person ORDER BY 2 DESC, 3, 1

-- ordered: by an expression that is not shown
SELECT person_id FROM person ORDER BY year_of_birth % 10, year_of_birth, person_id

-- ordered: the first rows
SELECT person_id, year_of_birth FROM person ORDER BY year_of_birth, person_id

-- ordered: rows after an offset, in the vocabulary
SELECT p.person_id FROM person p WHERE p.gender_concept_id IN (SELECT c.concept_id FROM concept c WHERE c.domain_id = 'Gender'
ORDER BY c.concept_id LIMIT 1 OFFSET 1) ORDER BY p.person_id

-- ordered: FETCH FIRST
SELECT person_id, year_of_birth FROM person ORDER BY year_of_birth DESC, person_id FETCH FIRST 105 ROWS ONLY

-- ordered: by an aggregate
SELECT person_id, count(*) AS n FROM visit_occurrence GROUP BY person_id ORDER BY count(*) DESC, person_id

-- ordered: by a CASE
SELECT person_id, gender_source_value FROM person
ORDER BY CASE gender_source_value WHEN 'F' THEN 1 WHEN 'M' THEN 2 ELSE 3 END, year_of_birth, person_id

-- ordered: truth after falsehood
SELECT person_id, year_of_birth > 1950 AS young FROM person ORDER BY young, year_of_birth, person_id

-- ordered: dates and intervals
SELECT person_id, visit_end_datetime - visit_start_datetime AS stay FROM visit_occurrence WHERE visit_concept_id = 9201
ORDER BY visit_end_datetime - visit_start_datetime DESC, visit_start_date, person_id

-- distinct rows
SELECT DISTINCT person_id, visit_concept_id FROM visit_occurrence

-- ordered: distinct rows in order
SELECT DISTINCT person_id, EXTRACT(YEAR FROM visit_start_date) AS year FROM visit_occurrence WHERE visit_concept_id = 9203
ORDER BY year, person_id

-- the latest measurement of each person
SELECT DISTINCT ON (person_id) person_id, measurement_date, value_as_number FROM measurement
WHERE measurement_concept_id = 3004410 ORDER BY person_id, measurement_date DESC, value_as_number DESC

-- the first visit of each kind of each person
SELECT DISTINCT ON (person_id, visit_concept_id) person_id, visit_concept_id, visit_start_date FROM visit_occurrence
ORDER BY person_id, visit_concept_id, visit_start_date
