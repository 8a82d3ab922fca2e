-- a searched CASE
SELECT person_id, CASE WHEN gender_concept_id = 8507 THEN 'male' WHEN gender_concept_id = 8532 THEN 'female' ELSE 'unknown' END AS sex
FROM person

-- a simple CASE without ELSE
SELECT person_id, CASE gender_source_value WHEN 'M' THEN 1 WHEN 'F' THEN 2 END FROM person

-- CASE of whole numbers and fractions
SELECT person_id, CASE WHEN value_as_number > 5 THEN 1 ELSE 0.5 END AS points FROM measurement
WHERE measurement_concept_id = 3004410

-- COALESCE over several columns
SELECT person_id, COALESCE(value_as_number, range_high, 0) AS v, COALESCE(unit_source_value, 'none') AS u
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- COALESCE of dates
SELECT person_id, coalesce(condition_end_date, condition_start_date) AS until FROM condition_occurrence

-- NULLIF turns a code into NULL
SELECT person_id, nullif(value_as_number, 0) AS v, nullif(unit_source_value, '%') AS u FROM measurement
WHERE measurement_concept_id = 3004410

-- the greatest and the least pass over NULL
SELECT person_id, greatest(value_as_number, range_low, range_high) AS g, least(value_as_number, range_low, range_high) AS l,
       greatest(measurement_date, DATE '2020-01-01') AS d, least('b', unit_source_value) AS t
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- three-valued logic
SELECT person_id, value_as_number > 5 AS a, (value_as_number > 5) IS NOT TRUE AS b, (range_low = 4) IS UNKNOWN AS c,
       NOT (value_as_number > 5) AS d, value_as_number > 5 OR range_low IS NULL AS e
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- IS DISTINCT FROM
SELECT person_id, value_as_number IS DISTINCT FROM range_low AS a, unit_source_value IS NOT DISTINCT FROM NULL AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- NOT IN with a NULL operand drops the row
SELECT person_id, unit_source_value FROM measurement
WHERE unit_source_value NOT IN ('%', 'cm') AND measurement_concept_id IN (3004410, 3000963)

-- IN over a list that holds NULL
SELECT person_id, unit_source_value IN ('cm', NULL) AS among FROM measurement WHERE measurement_concept_id = 3004410

-- ANY and ALL over an array
SELECT person_id FROM person WHERE gender_concept_id = ANY (ARRAY[0, 8507]) AND race_concept_id <> ALL (ARRAY[8515, 0])

-- rows compared with rows
SELECT person_id FROM person WHERE (gender_concept_id, year_of_birth) = (8507, 1964)

-- rows in a list of rows
SELECT person_id FROM person WHERE (gender_concept_id, year_of_birth) IN ((8507, 1964), (8532, 2000))

-- BETWEEN and NOT BETWEEN
SELECT person_id, value_as_number FROM measurement
WHERE value_as_number NOT BETWEEN 0 AND 10 AND measurement_date BETWEEN '1999-12-31' AND '2023-01-03'
  AND measurement_concept_id = 3004410

-- booleans as output
SELECT person_id, year_of_birth % 4 = 0 AS leap, TRUE AS yes, NOT FALSE AS also FROM person WHERE year_of_birth > 1990

-- a condition that is CASE
SELECT person_id FROM person
WHERE CASE WHEN gender_concept_id = 8532 THEN year_of_birth > 1980 ELSE year_of_birth < 1930 END

-- NULL and text in one CASE
SELECT person_id, CASE WHEN year_of_birth > 1990 THEN NULL ELSE 'old' END AS label FROM person
