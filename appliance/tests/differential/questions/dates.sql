-- parts of a date
SELECT person_id, EXTRACT(YEAR FROM measurement_date) AS y, EXTRACT(MONTH FROM measurement_date) AS m,
       EXTRACT(DAY FROM measurement_date) AS d, EXTRACT(QUARTER FROM measurement_date) AS q
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- weeks and days of the week
SELECT person_id, EXTRACT(WEEK FROM measurement_date) AS w, EXTRACT(DOW FROM measurement_date) AS dow,
       EXTRACT(ISODOW FROM measurement_date) AS iso, EXTRACT(DOY FROM measurement_date) AS doy,
       EXTRACT(ISOYEAR FROM measurement_date) AS isoyear
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- centuries, decades and millennia
SELECT person_id, EXTRACT(CENTURY FROM measurement_date) AS c, EXTRACT(DECADE FROM measurement_date) AS d,
       EXTRACT(MILLENNIUM FROM measurement_date) AS m
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- parts of a time of day
SELECT person_id, EXTRACT(HOUR FROM measurement_datetime) AS h, EXTRACT(MINUTE FROM measurement_datetime) AS mi,
       EXTRACT(SECOND FROM measurement_datetime) AS s, EXTRACT(EPOCH FROM measurement_datetime) AS e
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- the epoch of a date
SELECT person_id, extract(epoch FROM measurement_date) / 86400 AS days FROM measurement WHERE measurement_concept_id = 3004410

-- date_part in all its words
SELECT person_id, date_part('year', birth_datetime), date_part('month', birth_datetime), date_part('day', birth_datetime),
       date_part('hour', birth_datetime), date_part('second', birth_datetime), date_part('dow', birth_datetime),
       date_part('week', birth_datetime), date_part('quarter', birth_datetime)
FROM person WHERE year_of_birth < 1905 OR year_of_birth = 1964 OR year_of_birth > 1998

-- date_trunc of a date
SELECT person_id, date_trunc('year', measurement_date) AS y, date_trunc('quarter', measurement_date) AS q,
       date_trunc('month', measurement_date) AS m, date_trunc('week', measurement_date) AS w
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- date_trunc of a time
SELECT person_id, date_trunc('day', measurement_datetime) AS d, date_trunc('hour', measurement_datetime) AS h,
       date_trunc('minute', measurement_datetime) AS m, date_trunc('second', measurement_datetime) AS s
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- date_trunc to decades
SELECT person_id, date_trunc('decade', measurement_date) AS d FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- date_trunc as a date again
SELECT person_id, CAST(date_trunc('month', visit_start_date) AS date) AS month, count(*) AS visits
FROM visit_occurrence WHERE visit_start_date > '2017-01-01' GROUP BY person_id, 2

-- ages in whole years at an event
SELECT m.person_id, EXTRACT(YEAR FROM age(m.measurement_date, p.birth_datetime)) AS years
FROM measurement m JOIN person p ON p.person_id = m.person_id
WHERE m.measurement_concept_id IN (3004410, 3000963)

-- ages as intervals
SELECT v.person_id, age(v.visit_end_date, v.visit_start_date) AS stay, age(v.visit_start_date, p.birth_datetime) AS age
FROM visit_occurrence v JOIN person p ON p.person_id = v.person_id WHERE v.visit_concept_id = 9201

-- ages that run backwards
SELECT person_id, age(birth_datetime, TIMESTAMP '1990-05-31 06:00:00') AS a FROM person
WHERE birth_datetime IS NOT NULL

-- age as of today in years
SELECT person_id, date_part('year', age(birth_datetime)) AS years FROM person WHERE birth_datetime IS NOT NULL

-- age as of today, of a date
SELECT person_id, extract(year from age(death_date)) AS years FROM death

-- age by subtraction of years
SELECT person_id, EXTRACT(YEAR FROM CURRENT_DATE) - year_of_birth AS years FROM person

-- days between two dates
SELECT person_id, condition_end_date - condition_start_date AS days FROM condition_occurrence

-- a date and a number of days
SELECT person_id, drug_exposure_start_date + days_supply AS until, drug_exposure_start_date - 30 AS before
FROM drug_exposure WHERE days_supply IS NOT NULL

-- a number of days and a date
SELECT person_id, 7 + visit_start_date AS d FROM visit_occurrence WHERE visit_concept_id = 9203

-- dates against literals of all kinds
SELECT person_id FROM visit_occurrence
WHERE visit_start_date >= '2016-02-28' AND visit_start_date < DATE '2017-01-01' AND visit_end_date <= CAST('2016-12-31' AS date)

-- a date against a timestamp
SELECT person_id, visit_start_date FROM visit_occurrence WHERE visit_start_date < TIMESTAMP '1930-06-01 12:00:00'

-- a literal minus a date
SELECT person_id, DATE '2020-03-01' - measurement_date AS days, '2020-03-01' - measurement_date AS same
FROM measurement WHERE measurement_concept_id = 3004410

-- a date put together
SELECT person_id, make_date(year_of_birth, COALESCE(month_of_birth, 7), COALESCE(day_of_birth, 1)) AS born FROM person

-- dates as text
SELECT person_id, to_char(measurement_date, 'YYYY-MM-DD') AS a, to_char(measurement_date, 'DD/MM/YY') AS b,
       to_char(measurement_date, 'Mon YYYY') AS c, to_char(measurement_date, 'FMMonth FMDD') AS d,
       to_char(measurement_date, 'Dy DDD') AS e, to_char(measurement_date, 'IYYY-"W"IW-ID') AS f
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- times as text
SELECT person_id, to_char(measurement_datetime, 'YYYYMMDD HH24:MI:SS') AS a, to_char(measurement_datetime, 'HH12:MI AM') AS b,
       to_char(measurement_datetime, 'SS.US') AS c, to_char(measurement_datetime, 'FMHH24"h" FMDay') AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- texts as dates
SELECT person_id, to_date(value_source_value, 'YYYYMMDD') AS d FROM measurement WHERE value_source_value ~ '^[0-9]{8}$'

-- texts of days first as dates
SELECT person_id, to_date(value_source_value, 'DD/MM/YYYY') AS d FROM measurement WHERE value_source_value LIKE '__/__/____'

-- texts as timestamps
SELECT person_id, to_timestamp(to_char(measurement_datetime, 'YYYY-MM-DD HH24:MI:SS'), 'YYYY-MM-DD HH24:MI:SS') AS t
FROM measurement WHERE measurement_concept_id = 3004410

-- today and now are of one day
SELECT person_id, current_date >= DATE '2025-01-01' AS a, now() > measurement_date AS b,
       date_trunc('year', current_timestamp) = date_trunc('year', current_date) AS c,
       CAST(localtimestamp AS date) = current_date AS d, current_date - measurement_date > 0 AS e
FROM measurement WHERE measurement_concept_id = 3004410

-- the earliest and the latest date of each person
SELECT person_id, min(measurement_date) AS first, max(measurement_datetime) AS last, max(measurement_date) - min(measurement_date) AS days
FROM measurement GROUP BY person_id

-- the day of a timestamp
SELECT person_id, CAST(visit_end_datetime AS date) AS d, visit_end_datetime::date = visit_end_date AS same
FROM visit_occurrence WHERE visit_concept_id = 9201

-- a date as a timestamp and as text
SELECT person_id, CAST(measurement_date AS timestamp) AS t, CAST(measurement_date AS text) AS s
FROM measurement WHERE measurement_concept_id = 3004410

-- a timestamp as text
SELECT person_id, CAST(measurement_datetime AS text) AS s FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- a text as a time of day
SELECT person_id, CAST(measurement_time AS time) AS t FROM measurement
WHERE measurement_concept_id IN (3004410, 3000963) AND measurement_time LIKE '__:__:__'

-- the time of day of a timestamp
SELECT person_id, CAST(measurement_datetime AS time) AS t FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- the first and the last day there is
SELECT person_id, observation_date, EXTRACT(YEAR FROM observation_date) AS y, to_char(observation_date, 'YYYY-MM-DD') AS t,
       observation_date - DATE '2000-01-01' AS d, CAST(observation_datetime AS text) AS s, EXTRACT(CENTURY FROM observation_date) AS c,
       date_trunc('month', observation_datetime) AS m, EXTRACT(EPOCH FROM observation_datetime) AS e
FROM observation WHERE observation_concept_id = 4275495

-- months and days of an age
SELECT person_id, EXTRACT(MONTH FROM age(visit_end_date, visit_start_date)) AS m, EXTRACT(DAY FROM age(visit_end_date, visit_start_date)) AS d,
       date_part('day', age(visit_end_datetime, visit_start_datetime)) AS e
FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203)

-- whole months of an age
SELECT m.person_id, EXTRACT(YEAR FROM age(m.measurement_date, p.birth_datetime)) * 12 + EXTRACT(MONTH FROM age(m.measurement_date, p.birth_datetime)) AS months
FROM measurement m JOIN person p ON p.person_id = m.person_id WHERE m.measurement_concept_id = 3004410

-- the epoch of an age
SELECT person_id, EXTRACT(EPOCH FROM age(observation_period_end_date, observation_period_start_date)) AS e FROM observation_period

-- a timestamp minus a date
SELECT person_id, visit_end_datetime - visit_start_date AS a, visit_end_date - visit_start_datetime AS b FROM visit_occurrence
WHERE visit_concept_id = 9201

-- visits that begin in the afternoon
SELECT person_id, visit_start_datetime FROM visit_occurrence WHERE CAST(visit_start_datetime AS time) >= TIME '12:00' AND visit_concept_id = 9203

-- parts of a date as whole numbers
SELECT person_id, EXTRACT(YEAR FROM birth_datetime)::int AS a, date_part('year', birth_datetime)::integer - 1900 AS b,
       CAST(EXTRACT(YEAR FROM birth_datetime) AS text) AS c, EXTRACT(MONTH FROM birth_datetime) = month_of_birth AS d
FROM person

-- dates in a list
SELECT person_id, measurement_date FROM measurement WHERE measurement_date IN ('2020-01-31', '2020-02-29', DATE '2023-01-08')

-- a date or another
SELECT person_id, CASE WHEN condition_end_date IS NULL THEN condition_start_date ELSE condition_end_date END AS d,
       coalesce(condition_end_datetime, condition_start_date) AS t, nullif(condition_end_date, condition_start_date) AS n
FROM condition_occurrence
