-- upper and lower case, of all alphabets
SELECT person_id, upper(race_source_value) AS u, lower(race_source_value) AS l, upper(ethnicity_source_value) AS e FROM person

-- lengths of texts
SELECT person_id, length(race_source_value) AS a, char_length(race_source_value) AS b, character_length(ethnicity_source_value) AS c
FROM person

-- trimming
SELECT person_id, trim(measurement_source_value) AS a, ltrim(measurement_source_value) AS b, rtrim(measurement_source_value) AS c,
       btrim(measurement_source_value) AS d, trim(BOTH 'xyz' FROM measurement_source_value) AS e,
       trim(LEADING 'H' FROM measurement_source_value) AS f, trim(TRAILING 'c' FROM measurement_source_value) AS g,
       btrim(measurement_source_value, 'abc') AS h, ltrim(measurement_source_value, 'Hb') AS i, rtrim(measurement_source_value, '/z') AS j
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- parts of a text from the left and the right
SELECT person_id, left(measurement_source_value, 3) AS a, right(measurement_source_value, 3) AS b,
       left(measurement_source_value, -2) AS c, right(measurement_source_value, -2) AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- parts of a text by place
SELECT person_id, substring(measurement_source_value FROM 2 FOR 3) AS a, substring(measurement_source_value FROM 4) AS b,
       substr(measurement_source_value, 1, 2) AS c, substring(measurement_source_value FOR 2) AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- parts of a text from before its beginning
SELECT person_id, substring(measurement_source_value, 0, 3) AS a FROM measurement WHERE measurement_concept_id = 3004410

-- where a text is in another
SELECT person_id, position('b' IN measurement_source_value) AS a, strpos(measurement_source_value, 'A1c') AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- texts put together with ||
SELECT person_id, gender_source_value || '-' || race_source_value AS a, year_of_birth || '' AS b FROM person

-- texts put together with concat pass over NULL
SELECT person_id, concat(gender_source_value, '/', ethnicity_source_value, year_of_birth) AS a,
       concat_ws(', ', gender_source_value, race_source_value, ethnicity_source_value) AS b
FROM person

-- replacing and turning around
SELECT person_id, replace(measurement_source_value, 'A1', 'x') AS a, reverse(measurement_source_value) AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- parts between separators
SELECT person_id, split_part(measurement_source_value, '-', 1) AS a, split_part(measurement_source_value, '-', 2) AS b,
       split_part(measurement_source_value, '/', 3) AS c, split_part(measurement_source_value, '-', 9) AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- the last part between separators
SELECT person_id, split_part(measurement_source_value, '-', -1) AS a FROM measurement WHERE measurement_concept_id = 3004410

-- filling up to a length
SELECT person_id, lpad(gender_source_value, 4) AS a, lpad(gender_source_value, 4, '*') AS b, rpad(race_source_value, 7, 'ab') AS c,
       rpad(race_source_value, 3) AS d, lpad(race_source_value, 2, 'x') AS e
FROM person

-- how a text begins
SELECT person_id, starts_with(measurement_source_value, 'Hb') AS a FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- texts are compared by their bytes
SELECT person_id, race_source_value FROM person WHERE race_source_value < 'b' OR race_source_value > 'w'

-- the least and the greatest text
SELECT person_id, min(measurement_source_value) AS a, max(measurement_source_value) AS b FROM measurement
WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- quotes in literals
SELECT person_id FROM person WHERE race_source_value = 'O"Neill' OR ethnicity_source_value = 'it''s' OR race_source_value = 'back\slash'

-- a length of characters from a cast
SELECT person_id, CAST(race_source_value AS varchar(3)) AS a, race_source_value::varchar AS b, year_of_birth::varchar(2) AS c FROM person

-- the first letter of the sex
SELECT person_id, upper(substring(gender_source_value FROM 1 FOR 1)) AS s FROM person WHERE upper(gender_source_value) IN ('M', 'F')

-- texts with blanks at the end stay apart
SELECT person_id, specialty_source_value = 'radiology ' AS a FROM visit_occurrence v JOIN provider p ON p.provider_id = v.provider_id

-- numbers put into texts
SELECT person_id, value_as_number || ' units' AS a, concat(value_as_number, ' ', range_low) AS b, CAST(value_as_number AS text) AS c,
       concat_ws('-', value_as_number, measurement_date) AS d, round(value_as_number)::text AS e
FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number BETWEEN 0.1 AND 1000000

-- truths, dates and whole numbers put into texts
SELECT person_id, concat(year_of_birth > 1950, '/', year_of_birth) AS a, year_of_birth || '/' || gender_concept_id AS b,
       birth_datetime || '' AS c, concat(birth_datetime) AS d, (year_of_birth > 1950)::text AS e
FROM person WHERE year_of_birth IN (1950, 1964, 1999, 2000)

-- where nothing is
SELECT person_id, position('' IN measurement_source_value) AS a, strpos(measurement_source_value, '') AS b,
       replace(measurement_source_value, '', 'x') AS c, length('') AS d, '' = '' AS e, starts_with(measurement_source_value, '') AS f
FROM measurement WHERE measurement_concept_id = 3004410

-- texts of another length than asked for
SELECT person_id, left(gender_source_value, 9) AS a, right(gender_source_value, 0) AS b, substring(gender_source_value FROM 5) AS c,
       rpad(gender_source_value, 0) AS d, lpad(gender_source_value, 3, '-+') AS e, substr(race_source_value, 3, 0) AS f
FROM person

-- fixed lengths
SELECT person_id, CAST(gender_source_value AS char(1)) AS a, CAST(race_source_value AS char(2)) AS b FROM person
WHERE length(race_source_value) > 2

-- comparisons of texts that hold numbers
SELECT person_id, measurement_time FROM measurement WHERE measurement_time > '09:00:00' AND measurement_concept_id = 3004410
