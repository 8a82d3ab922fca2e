-- counts of all kinds
SELECT person_id, count(*) AS rows, count(value_as_number) AS valued, count(DISTINCT measurement_date) AS days,
       count(DISTINCT visit_occurrence_id) AS visits
FROM measurement GROUP BY person_id

-- sums, means and extremes
SELECT person_id, sum(value_as_number) AS s, avg(value_as_number) AS a, min(value_as_number) AS l, max(value_as_number) AS h
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963, 3025315) GROUP BY person_id

-- sums of whole numbers
SELECT person_id, sum(days_supply) AS s, avg(days_supply) AS a, sum(DISTINCT days_supply) AS d, avg(DISTINCT days_supply) AS e
FROM drug_exposure GROUP BY person_id

-- spread of a sample and of a population
SELECT person_id, stddev(value_as_number) AS a, stddev_samp(value_as_number) AS b, stddev_pop(value_as_number) AS c,
       variance(value_as_number) AS d, var_samp(value_as_number) AS e, var_pop(value_as_number) AS f
FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- spread of whole numbers
SELECT person_id, stddev(days_supply) AS a, var_pop(days_supply) AS b FROM drug_exposure GROUP BY person_id

-- correlation and regression
SELECT person_id, corr(value_as_number, range_low) AS a, covar_pop(value_as_number, range_low) AS b,
       covar_samp(value_as_number, range_low) AS c, regr_slope(value_as_number, range_low) AS d,
       regr_intercept(value_as_number, range_low) AS e, regr_r2(value_as_number, range_low) AS f
FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- correlation with the day
SELECT person_id, corr(value_as_number, measurement_date - DATE '2000-01-01') AS a,
       regr_slope(value_as_number, measurement_date - DATE '2000-01-01') AS b,
       regr_r2(value_as_number, measurement_date - DATE '2000-01-01') AS c
FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- medians
SELECT person_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY value_as_number) AS a,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY value_as_number) AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- quartiles in one list
SELECT person_id, percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY value_as_number) AS a
FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number IS NOT NULL GROUP BY person_id

-- percentiles downwards
SELECT person_id, percentile_disc(0.1) WITHIN GROUP (ORDER BY value_as_number DESC) AS a,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY days DESC) AS b
FROM (SELECT person_id, value_as_number, measurement_date - DATE '2000-01-01' AS days FROM measurement
      WHERE measurement_concept_id = 3004410) AS x
GROUP BY person_id

-- a percentile of dates
SELECT person_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY measurement_date) AS a FROM measurement GROUP BY person_id

-- the most frequent value
SELECT person_id, mode() WITHIN GROUP (ORDER BY unit_source_value) AS a FROM measurement
WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- the most frequent value where several are
SELECT person_id, mode() WITHIN GROUP (ORDER BY value_as_number) AS a FROM measurement
WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- FILTER
SELECT person_id, count(*) FILTER (WHERE value_as_number > 5) AS high, avg(value_as_number) FILTER (WHERE value_as_number > 0) AS mean,
       sum(value_as_number) FILTER (WHERE value_as_number < -1000) AS none
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- HAVING
SELECT person_id FROM visit_occurrence GROUP BY person_id HAVING count(*) > 30 AND min(visit_start_date) < '1980-01-01'

-- grouped by an expression and by a label
SELECT person_id, EXTRACT(YEAR FROM visit_start_date) AS year, count(*) AS n FROM visit_occurrence
WHERE visit_concept_id = 9203 GROUP BY person_id, year

-- grouped by position
SELECT person_id, to_char(visit_start_date, 'YYYY-MM') AS month, count(*) FROM visit_occurrence
WHERE visit_concept_id = 9203 GROUP BY 1, 2

-- grouped by a key, with its table's columns
SELECT p.person_id, p.year_of_birth, p.gender_source_value, count(v.visit_start_date) AS visits
FROM person p LEFT JOIN visit_occurrence v ON v.person_id = p.person_id GROUP BY p.person_id

-- texts gathered in order
SELECT person_id, string_agg(measurement_source_value, '|' ORDER BY measurement_date, measurement_source_value) AS a,
       string_agg(DISTINCT unit_source_value, ', ') AS b, string_agg(DISTINCT unit_source_value, ', ' ORDER BY unit_source_value DESC) AS c
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- lists gathered in order
SELECT person_id, array_agg(value_as_number ORDER BY measurement_date, value_as_number) AS a,
       array_agg(DISTINCT range_low) AS b, array_agg(measurement_date ORDER BY measurement_date DESC) AS c
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- truths gathered
SELECT person_id, bool_and(value_as_number > 0) AS a, bool_or(value_as_number > 9) AS b, every(range_low IS NOT NULL) AS c
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- sub-totals
SELECT person_id, unit_source_value, measurement_source_value, count(*) AS n, grouping(unit_source_value) AS g,
       grouping(unit_source_value, measurement_source_value) AS h
FROM measurement WHERE measurement_concept_id = 3004410
GROUP BY person_id, ROLLUP (unit_source_value, measurement_source_value)

-- sub-totals of every combination
SELECT person_id, unit_source_value, range_low, sum(value_as_number) AS s FROM measurement WHERE measurement_concept_id = 3004410
GROUP BY person_id, CUBE (unit_source_value, range_low)

-- groups that are named
SELECT person_id, visit_concept_id, care_site_id, count(*) AS n FROM visit_occurrence WHERE visit_type_concept_id = 44818517
  AND visit_start_date > '2018-01-01'
GROUP BY person_id, GROUPING SETS ((visit_concept_id), (care_site_id), ())

-- a mean of sums
SELECT person_id, avg(total) AS mean FROM (
  SELECT person_id, visit_occurrence_id, sum(value_as_number) AS total FROM measurement
  WHERE measurement_concept_id = 3004410 GROUP BY person_id, visit_occurrence_id) AS x
GROUP BY person_id

-- aggregates of nothing
SELECT person_id, sum(range_low) AS a, count(range_low) AS b, avg(range_low) AS c, min(range_low) AS d, string_agg(unit_source_value, ',') AS e,
       stddev(range_low) AS f, array_agg(range_low) AS g
FROM measurement WHERE range_low IS NULL AND measurement_concept_id = 3004410 GROUP BY person_id

-- the least and greatest of truth turned to numbers
SELECT person_id, max(CASE WHEN condition_concept_id = 201820 THEN 1 ELSE 0 END) AS diabetic FROM condition_occurrence GROUP BY person_id

-- regression against what does not vary
SELECT person_id, regr_slope(range_low, value_as_number) AS a, regr_intercept(range_low, value_as_number) AS b,
       regr_r2(range_low, value_as_number) AS c, corr(range_low, value_as_number) AS d
FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY person_id

-- shares of counts
SELECT person_id, count(*) / 2 AS a, 100 * count(*) FILTER (WHERE visit_concept_id = 9202) / count(*) AS b,
       100.0 * count(*) FILTER (WHERE visit_concept_id = 9202) / count(*) AS c, sum(visit_concept_id) / count(*) AS d
FROM visit_occurrence GROUP BY person_id

-- means of whole numbers are rounded and divided
SELECT person_id, avg(days_supply) / 2 AS a, round(avg(days_supply)) AS b, avg(days_supply)::int AS c, sum(days_supply) / 7 AS d,
       sum(quantity) / 3 AS e, coalesce(sum(refills), 0) AS f
FROM drug_exposure GROUP BY person_id

-- lists with NULL in order
SELECT person_id, array_agg(value_as_number ORDER BY value_as_number) AS a, array_agg(value_as_number ORDER BY value_as_number DESC) AS b,
       array_agg(DISTINCT value_as_number) AS c, string_agg(unit_source_value, ',' ORDER BY unit_source_value DESC) AS d
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- aggregates of dates and truths
SELECT person_id, min(measurement_datetime) AS a, max(measurement_date) AS b, count(DISTINCT date_trunc('year', measurement_date)) AS c,
       sum(CASE WHEN value_as_number > 5 THEN 1 ELSE 0 END) AS d, avg((value_as_number > 5)::int) AS e
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- distinct over pairs
SELECT person_id, count(DISTINCT (measurement_date - DATE '2000-01-01') % 7) AS a, count(DISTINCT lower(unit_source_value)) AS b
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963) GROUP BY person_id

-- percentiles of days and of intervals turned to days
SELECT person_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY visit_end_date - visit_start_date) AS a,
       percentile_disc(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY visit_end_date - visit_start_date) AS b
FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203) GROUP BY person_id

-- the mode of texts and of truths with a filter
SELECT person_id, mode() WITHIN GROUP (ORDER BY visit_concept_id DESC) AS a,
       mode() WITHIN GROUP (ORDER BY visit_concept_id) FILTER (WHERE visit_concept_id <> 9202) AS b
FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203) GROUP BY person_id
