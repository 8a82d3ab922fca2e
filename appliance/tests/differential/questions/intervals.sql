-- a month after the end of a month
SELECT person_id, measurement_date + INTERVAL '1 month' AS next, measurement_date - INTERVAL '1 year' AS before
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- within a year of the first condition
SELECT co.person_id, m.measurement_date FROM condition_occurrence co
JOIN measurement m ON m.person_id = co.person_id
 AND m.measurement_date BETWEEN co.condition_start_date AND co.condition_start_date + INTERVAL '1 year'
WHERE m.measurement_concept_id = 3004410

-- intervals of several units
SELECT person_id, measurement_datetime + INTERVAL '1 year 2 months 3 days 4 hours 5 minutes 6 seconds' AS a,
       measurement_datetime - INTERVAL '2 weeks' AS b, measurement_datetime + INTERVAL '30' DAY AS c
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- time between two timestamps
SELECT person_id, visit_end_datetime - visit_start_datetime AS stay FROM visit_occurrence WHERE visit_concept_id = 9201

-- hours between two timestamps
SELECT person_id, EXTRACT(EPOCH FROM (visit_end_datetime - visit_start_datetime)) / 3600 AS hours
FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203)

-- parts of an interval
SELECT person_id, EXTRACT(DAY FROM (visit_end_datetime - visit_start_datetime)) AS days,
       EXTRACT(HOUR FROM (visit_end_datetime - visit_start_datetime)) AS hours
FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203)

-- intervals are compared
SELECT person_id FROM visit_occurrence WHERE visit_end_datetime - visit_start_datetime > INTERVAL '1 day'

-- intervals times numbers
SELECT person_id, drug_exposure_start_date + days_supply * INTERVAL '1 day' AS until, INTERVAL '1 day' * 2 AS two,
       INTERVAL '3 hours' / 2 AS half, INTERVAL '1 day' * 1.5 AS more
FROM drug_exposure WHERE days_supply > 20

-- intervals are added and turned
SELECT person_id, INTERVAL '1 month' + INTERVAL '2 days' AS a, INTERVAL '1 month' - INTERVAL '2 days' AS b, -INTERVAL '3 days' AS c
FROM person WHERE year_of_birth = 1964

-- an interval from text
SELECT person_id, visit_start_date + CAST('6 months' AS interval) AS later FROM visit_occurrence WHERE visit_concept_id = 9203

-- exposures that ended within thirty days before a visit
SELECT DISTINCT d.person_id FROM drug_exposure d JOIN visit_occurrence v ON v.person_id = d.person_id
WHERE d.drug_exposure_end_date >= v.visit_start_date - INTERVAL '30 days' AND d.drug_exposure_end_date < v.visit_start_date

-- over eighteen at the visit
SELECT v.person_id, v.visit_start_date FROM visit_occurrence v JOIN person p ON p.person_id = v.person_id
WHERE v.visit_start_date >= p.birth_datetime + INTERVAL '18 years' AND v.visit_concept_id = 9203

-- the month's last day
SELECT person_id, CAST(date_trunc('month', measurement_date) + INTERVAL '1 month' - INTERVAL '1 day' AS date) AS last_day
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- the sum and the mean of stays in days
SELECT person_id, sum(EXTRACT(EPOCH FROM (visit_end_datetime - visit_start_datetime))) / 86400 AS total,
       avg(visit_end_date - visit_start_date) AS mean FROM visit_occurrence
WHERE visit_concept_id = 9201 GROUP BY person_id

-- date_trunc of an interval
SELECT person_id, date_trunc('hour', visit_end_datetime - visit_start_datetime) AS hours FROM visit_occurrence
WHERE visit_concept_id = 9201

-- a time of day added to a date
SELECT person_id, measurement_date + TIME '08:30:00' AS morning FROM measurement WHERE measurement_concept_id = 3004410

-- parts of months
SELECT person_id, INTERVAL '1 month' * 1.5 AS a, INTERVAL '1 month' / 2 AS b, INTERVAL '1 year' / 3 AS c, 2.5 * INTERVAL '1 year' AS d,
       INTERVAL '1 week' / 2 AS e
FROM person WHERE year_of_birth = 1964

-- intervals are equal by their length
SELECT person_id, INTERVAL '1 month' = INTERVAL '30 days' AS a, INTERVAL '1 day' = INTERVAL '24 hours' AS b,
       INTERVAL '1 year' > INTERVAL '360 days' AS c, INTERVAL '1 year' < INTERVAL '365 days' AS d
FROM person WHERE year_of_birth = 1964

-- the epoch of an interval
SELECT person_id, EXTRACT(EPOCH FROM INTERVAL '1 month') AS a, EXTRACT(EPOCH FROM INTERVAL '1 year 2 days 3 hours') AS b,
       date_part('epoch', INTERVAL '14 months') AS c
FROM person WHERE year_of_birth = 1964

-- parts of intervals of mixed units
SELECT person_id, EXTRACT(YEAR FROM INTERVAL '14 months') AS a, EXTRACT(MONTH FROM INTERVAL '14 months') AS b,
       EXTRACT(DAY FROM INTERVAL '40 days') AS c, EXTRACT(HOUR FROM INTERVAL '50 hours') AS d, EXTRACT(QUARTER FROM INTERVAL '14 months') AS e
FROM person WHERE year_of_birth = 1964

-- an interval as text is not asked for, its days are
SELECT person_id, EXTRACT(DAY FROM (visit_end_datetime - visit_start_datetime)) AS d FROM visit_occurrence
WHERE visit_end_datetime - visit_start_datetime BETWEEN INTERVAL '1 hour' AND INTERVAL '10 days'
