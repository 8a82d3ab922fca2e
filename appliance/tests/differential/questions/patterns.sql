-- LIKE
SELECT person_id, measurement_source_value FROM measurement
WHERE measurement_source_value LIKE 'Hb%' OR measurement_source_value LIKE '_-_-_'

-- LIKE with an escape
SELECT person_id, measurement_source_value FROM measurement WHERE measurement_source_value LIKE 'A\%B\_C'

-- LIKE with an escape of its own
SELECT person_id, race_source_value FROM person WHERE race_source_value LIKE '100!%' ESCAPE '!'

-- LIKE and a backslash
SELECT person_id, race_source_value FROM person WHERE race_source_value LIKE 'back\\slash'

-- LIKE against a column
SELECT person_id FROM person WHERE race_source_value LIKE ethnicity_source_value OR gender_source_value LIKE '%' || gender_source_value

-- ILIKE over letters with accents
SELECT person_id, measurement_source_value FROM measurement
WHERE measurement_source_value ILIKE 'gröss%' OR measurement_source_value ILIKE 'größ%'

-- NOT LIKE and NOT ILIKE
SELECT person_id, measurement_source_value FROM measurement
WHERE measurement_source_value NOT LIKE '%a%' AND measurement_source_value NOT ILIKE 'h%' AND measurement_concept_id = 3004410

-- regular expressions
SELECT person_id, condition_source_value FROM condition_occurrence
WHERE condition_source_value ~ '^[A-Z][0-9]{2}(\.[0-9])?$' OR condition_source_value ~* '^e1[01]'

-- regular expressions that do not match
SELECT person_id, condition_source_value FROM condition_occurrence
WHERE condition_source_value !~ '^[0-9]+$' AND condition_source_value !~* '^c'

-- classes of a regular expression
SELECT person_id, measurement_source_value ~ '\d' AS digit, measurement_source_value ~ '\s' AS blank,
       measurement_source_value ~ '^\w+$' AS word, measurement_source_value ~ '[[:upper:]]{2}' AS upper,
       measurement_source_value ~ '[[:space:]]$' AS trailing
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- bounds of words
SELECT person_id, concept_name FROM condition_occurrence co JOIN concept c ON c.concept_id = co.condition_concept_id
WHERE concept_name ~* '\mrenal\M' OR concept_name ~ '\ythroat\y'

-- alternatives and optional parts
SELECT person_id, value_source_value ~ '^(>|<)?-?\d+(\.\d+)?( ?%| cm)?$' AS numeric_like FROM measurement
WHERE measurement_concept_id IN (3004410, 3000963)

-- regexp_like with and without flags
SELECT person_id, regexp_like(measurement_source_value, '^hba1c') AS a, regexp_like(measurement_source_value, '^hba1c', 'i') AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- the first match is replaced
SELECT person_id, regexp_replace(value_source_value, '[0-9]', '#') AS a FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- all matches are replaced
SELECT person_id, regexp_replace(value_source_value, '[^0-9.]', '', 'g') AS a,
       regexp_replace(value_source_value, '(\d+)\.(\d+)', '\2,\1', 'g') AS b,
       regexp_replace(measurement_source_value, 'B', '<\&>', 'gi') AS c
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- SIMILAR TO
SELECT person_id, condition_source_value FROM condition_occurrence
WHERE condition_source_value SIMILAR TO '(C|J)[0-9]{2}%' AND condition_source_value NOT SIMILAR TO '%.9'

-- a dot in SIMILAR TO is a dot
SELECT person_id FROM condition_occurrence WHERE condition_status_source_value SIMILAR TO 'a.b'

-- a text of two lines
SELECT person_id, value_as_string ~ '^two.*lines$' AS a, value_as_string ~ 'two$' AS b, value_as_string ~ 'two.lines' AS c,
       value_as_string LIKE 'two_lines' AS d, value_as_string SIMILAR TO 'two%' AS e
FROM observation WHERE observation_concept_id = 4275495

-- sets of characters
SELECT person_id, measurement_source_value ~ '[^[:alnum:] ]' AS a, measurement_source_value ~ '^[\w%]+$' AS b,
       measurement_source_value ~ '[[:punct:]]' AS c, measurement_source_value ~ '^[[:lower:]ß]+$' AS d, measurement_source_value ~ '[]x-]' AS e,
       measurement_source_value ~ '\W' AS f, measurement_source_value ~ '\S\s\S' AS g
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- letters of all alphabets in patterns
SELECT person_id, value_as_string ~ '^\w+$' AS a, observation_source_value ~* 'MÉNAGER' AS b, value_source_value ~ '^[[:alpha:]]+$' AS c,
       value_as_string ~* '^ÄÖÜ$' AS d, regexp_replace(value_as_string, '[^[:alpha:]]', '', 'g') AS e
FROM observation WHERE observation_concept_id = 4275495

-- a pattern that begins with brackets
SELECT person_id, condition_source_value ~ '(?:C|J)\d+' AS a FROM condition_occurrence WHERE condition_source_value LIKE '%.%'

-- greedy and frugal
SELECT person_id, regexp_replace(measurement_source_value, '-.*?', '+') AS a, regexp_replace(measurement_source_value, 'b.*', '') AS b
FROM measurement WHERE measurement_concept_id = 3004410
