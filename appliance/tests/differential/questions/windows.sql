-- the first visit of each person by number
SELECT person_id, visit_start_date, n FROM (
  SELECT person_id, visit_start_date, row_number() OVER (PARTITION BY person_id ORDER BY visit_start_date, visit_end_date) AS n
  FROM visit_occurrence) AS x
WHERE n = 1

-- ranks with ties
SELECT person_id, value_as_number, rank() OVER w AS a, dense_rank() OVER w AS b, percent_rank() OVER w AS c, cume_dist() OVER w AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)
WINDOW w AS (PARTITION BY person_id ORDER BY value_as_number)

-- ranks with NULL last and first
SELECT person_id, value_as_number, rank() OVER (PARTITION BY person_id ORDER BY value_as_number DESC) AS a,
       rank() OVER (PARTITION BY person_id ORDER BY value_as_number NULLS FIRST) AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- tiles
SELECT person_id, measurement_date, value_as_number,
       ntile(3) OVER (PARTITION BY person_id ORDER BY measurement_date, measurement_datetime, value_as_number) AS t
FROM measurement WHERE measurement_concept_id = 3004410

-- before and after
SELECT person_id, measurement_date, lag(value_as_number) OVER w AS before, lead(value_as_number) OVER w AS after,
       lag(value_as_number, 2) OVER w AS two, lead(value_as_number, 1, -1) OVER w AS otherwise
FROM measurement WHERE measurement_concept_id = 3004410
WINDOW w AS (PARTITION BY person_id ORDER BY measurement_date, measurement_datetime, value_as_number)

-- days since the visit before
SELECT person_id, visit_start_date, visit_start_date - lag(visit_end_date) OVER (
  PARTITION BY person_id ORDER BY visit_start_date, visit_end_date) AS days
FROM visit_occurrence WHERE visit_concept_id = 9201

-- first, last and n-th values
SELECT person_id, measurement_date, first_value(value_as_number) OVER w AS a, last_value(value_as_number) OVER w AS b,
       nth_value(value_as_number, 2) OVER w AS c
FROM measurement WHERE measurement_concept_id = 3004410
WINDOW w AS (PARTITION BY person_id ORDER BY measurement_date, value_as_number ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- the last value of the default frame
SELECT person_id, value_as_number, last_value(measurement_date) OVER (PARTITION BY person_id ORDER BY measurement_date) AS a
FROM measurement WHERE measurement_concept_id = 3004410

-- running sums
SELECT person_id, drug_exposure_start_date, sum(days_supply) OVER (
  PARTITION BY person_id ORDER BY drug_exposure_start_date RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS so_far
FROM drug_exposure

-- moving means over rows
SELECT person_id, measurement_date, avg(value_as_number) OVER (
  PARTITION BY person_id ORDER BY measurement_date, value_as_number ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS mean
FROM measurement WHERE measurement_concept_id = 3004410

-- counts over a range of days
SELECT person_id, measurement_date, count(*) OVER (
  PARTITION BY person_id ORDER BY measurement_date RANGE BETWEEN INTERVAL '30 days' PRECEDING AND CURRENT ROW) AS n
FROM measurement WHERE measurement_concept_id = 3004410

-- counts over groups
SELECT person_id, measurement_date, count(*) OVER (
  PARTITION BY person_id ORDER BY measurement_date GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n
FROM measurement WHERE measurement_concept_id = 3004410

-- a share of the person's total
SELECT person_id, value_as_number, value_as_number / nullif(sum(value_as_number) OVER (PARTITION BY person_id), 0) AS share
FROM measurement WHERE measurement_concept_id = 3004410

-- windows with a filter
SELECT person_id, measurement_date, count(*) FILTER (WHERE value_as_number > 1) OVER (PARTITION BY person_id) AS n
FROM measurement WHERE measurement_concept_id = 3004410

-- an aggregate inside a window
SELECT person_id, measurement_date, sum(count(*)) OVER (PARTITION BY person_id ORDER BY measurement_date) AS n
FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY person_id, measurement_date

-- extremes within a person
SELECT person_id, value_as_number, max(value_as_number) OVER (PARTITION BY person_id) - value_as_number AS below,
       min(measurement_date) OVER (PARTITION BY person_id) AS first
FROM measurement WHERE measurement_concept_id = 3004410

-- a window that builds upon another
SELECT person_id, measurement_date, count(*) OVER (w ORDER BY measurement_date) AS n FROM measurement
WHERE measurement_concept_id = 3004410 WINDOW w AS (PARTITION BY person_id)

-- gaps of more than thirty days begin an episode
SELECT person_id, visit_start_date, sum(fresh) OVER (PARTITION BY person_id ORDER BY visit_start_date, visit_end_date
  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS episode
FROM (SELECT person_id, visit_start_date, visit_end_date, CASE WHEN visit_start_date - lag(visit_end_date) OVER (
        PARTITION BY person_id ORDER BY visit_start_date, visit_end_date) <= 30 THEN 0 ELSE 1 END AS fresh
      FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203)) AS x

-- means and counts with ties in the default frame
SELECT person_id, measurement_date, avg(value_as_number) OVER w AS a, count(value_as_number) OVER w AS b, max(value_as_number) OVER w AS c,
       string_agg(unit_source_value, ',') OVER (PARTITION BY person_id) AS d
FROM measurement WHERE measurement_concept_id = 3004410 AND unit_source_value = '%'
WINDOW w AS (PARTITION BY person_id ORDER BY measurement_date)

-- a slope within a window
SELECT person_id, measurement_date, corr(value_as_number, range_low) OVER (PARTITION BY person_id) AS a, stddev(value_as_number) OVER w AS b,
       bool_or(value_as_number > 9) OVER w AS c
FROM measurement WHERE measurement_concept_id = 3004410 WINDOW w AS (PARTITION BY person_id ORDER BY measurement_date)

-- differences to the value before with a default
SELECT person_id, measurement_date, value_as_number - lag(value_as_number, 1, 0) OVER (
  PARTITION BY person_id ORDER BY measurement_date, measurement_datetime, value_as_number) AS a
FROM measurement WHERE measurement_concept_id = 3004410
