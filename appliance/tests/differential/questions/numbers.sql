-- whole numbers divide without a fraction
SELECT person_id, year_of_birth / 10 AS a, year_of_birth / 10 * 10 AS decade, -year_of_birth / 10 AS b, year_of_birth % 10 AS c,
       -year_of_birth % 10 AS d
FROM person

-- a quotient of whole numbers below zero
SELECT person_id, refills / 2 AS a, refills % 2 AS b, mod(refills, 4) AS c, refills / -2 AS d FROM drug_exposure WHERE refills <> 0

-- numbers with a fraction divide with one
SELECT person_id, value_as_number / 3 AS a, value_as_number / 2.0 AS b, 7 / 2 AS c, 7 / 2.0 AS d
FROM measurement WHERE measurement_concept_id = 3004410

-- rounding half away from zero
SELECT person_id, round(value_as_number) AS a, round(-value_as_number) AS b FROM measurement
WHERE measurement_concept_id IN (3004410, 3000963)

-- rounding to digits
SELECT person_id, round(value_as_number, 1) AS a, round(value_as_number, 0) AS b FROM measurement
WHERE measurement_concept_id = 3004410 AND value_as_number BETWEEN 0 AND 50

-- rounding of a double to even
SELECT person_id, round(CAST(value_as_number AS double precision)) AS a FROM measurement WHERE measurement_concept_id = 3004410

-- rounding to tens
SELECT person_id, round(year_of_birth, -1) AS a FROM person

-- rounding a mean to two digits
SELECT person_id, round(avg(value_as_number), 2) AS mean FROM measurement
WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- down, up and towards zero
SELECT person_id, floor(value_as_number) AS a, ceil(value_as_number) AS b, ceiling(value_as_number) AS c, trunc(value_as_number) AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- towards zero at a digit
SELECT person_id, trunc(value_as_number, 1) AS a FROM measurement
WHERE measurement_concept_id = 3004410 AND value_as_number IN (6.5, 7.5, -0.5, 40.125, 99.995)

-- whole numbers down and up
SELECT person_id, floor(year_of_birth / 10) AS a, ceil(year_of_birth / 10.0) AS b, floor((2020 - year_of_birth) / 10) * 10 AS c FROM person

-- absolute values and signs
SELECT person_id, abs(value_as_number) AS a, sign(value_as_number) AS b, abs(refills) AS c, sign(refills) AS d
FROM measurement JOIN drug_exposure USING (person_id) WHERE measurement_concept_id = 3004410

-- powers and roots
SELECT person_id, power(abs(value_as_number), 2) AS a, pow(2, 3) AS b, sqrt(abs(value_as_number)) AS c, cbrt(value_as_number) AS d,
       value_as_number ^ 2 AS e
FROM measurement WHERE measurement_concept_id = 3004410

-- exponentials and logarithms
SELECT person_id, exp(value_as_number / 100) AS a, ln(value_as_number) AS b, log(value_as_number) AS c, log10(value_as_number) AS d,
       log(2, value_as_number) AS e
FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number BETWEEN 0.1 AND 1000

-- remainders of fractions
SELECT person_id, mod(value_as_number, 2) AS a, value_as_number % 0.5 AS b FROM measurement
WHERE measurement_concept_id = 3004410 AND value_as_number IN (6.5, 7.5, -0.5, 10, 20, -2.5)

-- casts to whole numbers round
SELECT person_id, CAST(value_as_number AS integer) AS a, value_as_number::bigint AS b, CAST(value_as_number AS double precision)::int AS c
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- casts to a small number
SELECT person_id, CAST(year_of_birth AS smallint) AS a, year_of_birth::numeric AS b, year_of_birth::real AS c FROM person

-- casts to decimals of two digits
SELECT person_id, CAST(value_as_number AS numeric(12, 2)) AS a, CAST(value_as_number AS decimal(12)) AS b FROM measurement
WHERE measurement_concept_id = 3004410 AND value_as_number IN (6.5, 7.5, -0.5, 40.125, 0.1, 2.5)

-- texts as numbers
SELECT person_id, CAST(value_source_value AS numeric) AS a, value_source_value::double precision AS b FROM measurement
WHERE measurement_concept_id IN (3004410, 3000963) AND value_source_value ~ '^-?[0-9]+(\.[0-9]+)?$'

-- texts as whole numbers
SELECT person_id, CAST(value_source_value AS integer) AS a, CAST(trim(value_source_value) AS bigint) AS b FROM measurement
WHERE measurement_concept_id IN (3004410, 3000963) AND value_source_value ~ '^-?[0-9]{1,8}$'

-- whole numbers as texts
SELECT person_id, CAST(year_of_birth AS text) AS a, gender_concept_id::varchar AS b FROM person

-- numbers with a fraction as texts
SELECT person_id, CAST(CAST(value_as_number AS numeric(12, 2)) AS text) AS a FROM measurement
WHERE measurement_concept_id = 3004410 AND value_as_number IN (6.5, 7.5, -0.5, 0.1, 2.5)

-- booleans as texts and numbers
SELECT person_id, CAST(year_of_birth > 1950 AS text) AS a, CAST(year_of_birth > 1950 AS integer) AS b FROM person

-- texts and numbers as booleans
SELECT person_id, CAST('true' AS boolean) AS a, CAST('f' AS boolean) AS b, 1::boolean AS c FROM person WHERE year_of_birth = 1964

-- literals with exponents and points
SELECT person_id, 1e3 AS a, 2.50 AS b, .5 AS c, -1.5e-3 AS d, 1.1 + 2.2 AS e FROM person WHERE year_of_birth = 1964

-- an index of two measurements of one day
SELECT w.person_id, w.value_as_number / ((h.value_as_number / 100) ^ 2) AS index FROM measurement w
JOIN measurement h ON h.person_id = w.person_id AND h.measurement_date = w.measurement_date
WHERE w.measurement_concept_id = 4015052 AND h.measurement_concept_id = 4102154 AND h.value_as_number > 0

-- precedence of operators
SELECT person_id, 2 + 3 * 4 - 6 / 4 AS a, -(2 ^ 2) AS b, (2 + 3) * 4 % 7 AS c, 10 - 4 - 3 AS d, 2 * 3 ^ 2 AS e FROM person
WHERE year_of_birth = 1964

-- large products
SELECT person_id, gender_concept_id * 100000 AS a, gender_concept_id::bigint * 1000000000 AS b FROM person WHERE year_of_birth = 1964

-- results of mixed types are compared
SELECT person_id, year_of_birth = 1964.0 AS a, year_of_birth / 100.0 = 19.64 AS b, year_of_birth > 1963.9 AS c, 1 = 1.0 AS d FROM person

-- the greatest of a whole number and a fraction
SELECT person_id, greatest(1, 2.5, refills) AS a, least(refills, 0.5) AS b, coalesce(refills, 0.5) AS c, nullif(refills, 0) / 2 AS d
FROM drug_exposure

-- decimals are added and multiplied
SELECT person_id, CAST(value_as_number AS numeric(10, 2)) * 2 AS a, CAST(value_as_number AS numeric(10, 2)) + 0.005 AS b,
       CAST(value_as_number AS numeric(10, 2)) / 4 AS c, round(CAST(value_as_number AS numeric(10, 2)), 1) AS d
FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number BETWEEN -100 AND 100

-- a decimal as a whole number
SELECT person_id, CAST(CAST(value_as_number AS numeric(10, 1)) AS integer) AS a, floor(CAST(value_as_number AS numeric(10, 1))) AS b,
       CAST(value_as_number AS numeric(10, 1)) % 2 AS c
FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number BETWEEN -100 AND 100

-- rounding to digits of all values
SELECT person_id, round(value_as_number, 2) AS a, round(value_as_number, 3) AS b, round(value_as_number * 100) / 100 AS c
FROM measurement WHERE measurement_concept_id = 3004410

-- texts with blanks as numbers
SELECT person_id, CAST(' 12 ' AS integer) AS a, CAST(' 1.5 ' AS numeric) AS b, CAST('1e2' AS double precision) AS c FROM person
WHERE year_of_birth = 1964
