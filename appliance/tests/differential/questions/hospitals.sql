-- bronchitis at forty or later
SELECT p.person_id, co.condition_start_date
FROM omop.person AS p
INNER JOIN omop.condition_occurrence AS co ON p.person_id = co.person_id
WHERE co.condition_concept_id = 260139
  AND co.condition_start_date >= make_date(p.year_of_birth + 40, 1, 1);

-- age at first diagnosis from parts of the birth date
WITH first_dx AS (
    SELECT person_id, MIN(condition_start_date) AS index_date
    FROM omop.condition_occurrence
    WHERE condition_concept_id IN (40481087, 4112343)
    GROUP BY person_id
)
SELECT p.person_id,
       date_part('year', age(f.index_date, make_date(p.year_of_birth, COALESCE(p.month_of_birth, 7), COALESCE(p.day_of_birth, 1))))::int AS age_at_index
FROM first_dx f
JOIN omop.person p USING (person_id)
WHERE date_part('year', age(f.index_date, make_date(p.year_of_birth, COALESCE(p.month_of_birth, 7), COALESCE(p.day_of_birth, 1)))) BETWEEN 18 AND 65

-- the hierarchy of a condition
select distinct co.person_id
from condition_occurrence co
join concept_ancestor ca on ca.descendant_concept_id = co.condition_concept_id
where ca.ancestor_concept_id = 4112343

-- hierarchy in a subquery, with a second condition never
SELECT DISTINCT c.person_id FROM condition_occurrence c
WHERE c.condition_concept_id IN (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 4112343)
  AND NOT EXISTS (SELECT 1 FROM condition_occurrence x WHERE x.person_id = c.person_id AND x.condition_concept_id = 40481087)

-- incident cases with 365 days of washout
WITH dx AS (
  SELECT person_id, condition_start_date AS d,
         LAG(condition_start_date) OVER (PARTITION BY person_id ORDER BY condition_start_date) AS prev
  FROM condition_occurrence WHERE condition_concept_id = 40481087
)
SELECT person_id, d FROM dx WHERE prev IS NULL OR d - prev > 365

-- washout by observation period
SELECT i.person_id, i.index_date
FROM (SELECT person_id, MIN(condition_start_date) AS index_date FROM condition_occurrence
      WHERE condition_concept_id = 260139 GROUP BY person_id) i
JOIN observation_period op ON op.person_id = i.person_id
 AND i.index_date BETWEEN op.observation_period_start_date AND op.observation_period_end_date
WHERE i.index_date - INTERVAL '365 days' >= op.observation_period_start_date

-- drug within thirty days after the diagnosis
SELECT DISTINCT co.person_id
FROM condition_occurrence co
JOIN drug_exposure de ON de.person_id = co.person_id
  AND de.drug_exposure_start_date BETWEEN co.condition_start_date AND co.condition_start_date + INTERVAL '30 days'
WHERE co.condition_concept_id IN (260139, 40481087)

-- days to the first drug after an index
SELECT i.person_id, MIN(d.drug_exposure_start_date) - i.index_date AS days_to_drug
FROM (SELECT person_id, MIN(condition_start_date) index_date FROM condition_occurrence WHERE condition_concept_id = 260139 GROUP BY 1) i
LEFT JOIN drug_exposure d ON d.person_id = i.person_id AND d.drug_exposure_start_date >= i.index_date
GROUP BY i.person_id, i.index_date

-- the latest measurement of each person
SELECT DISTINCT ON (person_id) person_id, measurement_date, value_as_number
FROM measurement
WHERE measurement_concept_id = 3004410
ORDER BY person_id, measurement_date DESC, measurement_id DESC

-- the latest by a window
SELECT person_id, value_as_number FROM (
  SELECT person_id, value_as_number,
         ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY measurement_date DESC, measurement_id DESC) AS rn
  FROM measurement WHERE measurement_concept_id = 3004410) ranked
WHERE rn = 1

-- three or more prescriptions
SELECT person_id, COUNT(*) AS n, COUNT(DISTINCT drug_concept_id) AS drugs
FROM drug_exposure
WHERE drug_concept_id <> 0
GROUP BY person_id
HAVING COUNT(*) >= 3

-- prescriptions in one calendar year
SELECT person_id, EXTRACT(YEAR FROM drug_exposure_start_date)::integer AS yr, COUNT(*)
FROM drug_exposure
GROUP BY person_id, EXTRACT(YEAR FROM drug_exposure_start_date)
HAVING COUNT(*) > 4

-- months with an emergency visit
SELECT person_id, date_trunc('month', visit_start_date)::date AS month, count(*) AS visits
FROM visit_occurrence WHERE visit_concept_id = 9203
GROUP BY person_id, date_trunc('month', visit_start_date)::date

-- readmission within thirty days
WITH stays AS (
  SELECT person_id, visit_occurrence_id, visit_start_date, visit_end_date,
         LEAD(visit_start_date) OVER w AS next_start
  FROM visit_occurrence
  WHERE visit_concept_id = 9201
  WINDOW w AS (PARTITION BY person_id ORDER BY visit_start_date, visit_occurrence_id)
)
SELECT person_id, visit_end_date, next_start, next_start - visit_end_date AS gap
FROM stays WHERE next_start IS NOT NULL AND next_start - visit_end_date <= 30 OR next_start = visit_end_date + 1

-- length of stay in bands
SELECT person_id,
       CASE WHEN visit_end_date - visit_start_date = 0 THEN 'day case'
            WHEN visit_end_date - visit_start_date <= 2 THEN '1-2'
            WHEN visit_end_date - visit_start_date <= 7 THEN '3-7'
            ELSE '8+' END AS los
FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203)

-- died within ninety days of admission
SELECT v.person_id, d.death_date - v.visit_start_date AS days
FROM visit_occurrence v JOIN death d ON d.person_id = v.person_id
WHERE v.visit_concept_id = 9201 AND d.death_date <= v.visit_start_date + 90 AND d.death_date >= v.visit_start_date

-- alive in the data
SELECT p.person_id FROM person p LEFT JOIN death d ON d.person_id = p.person_id WHERE d.person_id IS NULL

-- no record of death and under observation today
SELECT op.person_id FROM observation_period op
WHERE op.observation_period_end_date >= DATE '2019-01-01'
  AND op.person_id NOT IN (SELECT person_id FROM death)

-- charlson-like score
SELECT person_id,
       SUM(CASE WHEN condition_concept_id = 201820 THEN 2 WHEN condition_concept_id = 260139 THEN 1 ELSE 0 END) AS score
FROM (SELECT DISTINCT person_id, condition_concept_id FROM condition_occurrence) c
GROUP BY person_id
HAVING SUM(CASE WHEN condition_concept_id = 201820 THEN 2 WHEN condition_concept_id = 260139 THEN 1 ELSE 0 END) > 0

-- aggregates with FILTER
SELECT person_id,
       count(*) FILTER (WHERE visit_concept_id = 9201) AS inpatient,
       count(*) FILTER (WHERE visit_concept_id = 9202) AS outpatient,
       max(visit_end_date) FILTER (WHERE visit_concept_id = 9203) AS last_er
FROM visit_occurrence GROUP BY person_id

-- change by first and last value in a window
SELECT DISTINCT person_id,
       LAST_VALUE(value_as_number) OVER w - FIRST_VALUE(value_as_number) OVER w AS delta
FROM measurement
WHERE measurement_concept_id = 3004410 AND value_as_number IS NOT NULL
WINDOW w AS (PARTITION BY person_id ORDER BY measurement_date, measurement_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)

-- rolling mean of the last three
SELECT person_id, measurement_date,
       AVG(value_as_number) OVER (PARTITION BY person_id ORDER BY measurement_date, measurement_id ROWS 2 PRECEDING) AS avg3
FROM measurement WHERE measurement_concept_id = 3004410

-- values in the ninety days before
SELECT person_id, measurement_date,
       COUNT(*) OVER (PARTITION BY person_id ORDER BY measurement_date RANGE BETWEEN INTERVAL '90 days' PRECEDING AND CURRENT ROW) AS n90
FROM measurement WHERE measurement_concept_id IN (3004410, 3000963)

-- polypharmacy by overlapping eras
SELECT DISTINCT a.person_id
FROM drug_era a JOIN drug_era b
  ON a.person_id = b.person_id AND a.drug_concept_id < b.drug_concept_id
 AND a.drug_era_start_date <= b.drug_era_end_date AND b.drug_era_start_date <= a.drug_era_end_date

-- gaps and islands
WITH marked AS (
  SELECT person_id, drug_exposure_start_date AS s, COALESCE(drug_exposure_end_date, drug_exposure_start_date + 30) AS e,
         CASE WHEN drug_exposure_start_date <= MAX(COALESCE(drug_exposure_end_date, drug_exposure_start_date + 30))
              OVER (PARTITION BY person_id ORDER BY drug_exposure_start_date, drug_exposure_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 30
              THEN 0 ELSE 1 END AS new_era
  FROM drug_exposure WHERE drug_concept_id IN (1539464, 1127433)
), eras AS (
  SELECT *, SUM(new_era) OVER (PARTITION BY person_id ORDER BY s, e ROWS UNBOUNDED PRECEDING) AS era FROM marked
)
SELECT person_id, era, MIN(s) AS era_start, MAX(e) AS era_end, MAX(e) - MIN(s) AS days
FROM eras GROUP BY person_id, era

-- proportion of days covered
SELECT person_id, ROUND(SUM(days_supply)::numeric / NULLIF((MAX(drug_exposure_end_date) - MIN(drug_exposure_start_date)), 0), 2) AS pdc
FROM drug_exposure WHERE drug_concept_id = 1539464 GROUP BY person_id

-- median and quartiles of a lab
SELECT person_id,
       PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY value_as_number) AS q1,
       PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY value_as_number) AS median,
       PERCENTILE_CONT(0.75) WITHIN GROUP (ORDER BY value_as_number) AS q3
FROM measurement WHERE value_as_number IS NOT NULL AND measurement_concept_id IN (3004410, 3000963)
GROUP BY person_id HAVING COUNT(*) >= 2

-- drugs as one text
SELECT person_id, STRING_AGG(DISTINCT c.concept_name, '; ' ORDER BY c.concept_name) AS drugs
FROM drug_exposure JOIN concept c ON c.concept_id = drug_concept_id
WHERE drug_concept_id > 0
GROUP BY person_id

-- concept names by pattern
SELECT DISTINCT co.person_id, c.concept_name
FROM condition_occurrence co JOIN concept c ON c.concept_id = co.condition_concept_id
WHERE c.concept_name ILIKE '%bronchitis%' OR c.concept_name ~* '\msinusitis\M'

-- codes that begin so
SELECT person_id, condition_source_value FROM condition_occurrence
WHERE condition_source_value LIKE 'E1%' OR LEFT(UPPER(condition_source_value), 3) IN ('C34', 'J20')

-- codes of several patterns
SELECT person_id FROM condition_occurrence WHERE condition_source_value LIKE ANY (ARRAY['E11%', 'C34%'])

-- codes by SIMILAR TO
SELECT person_id FROM condition_occurrence WHERE condition_source_value SIMILAR TO '(C3[0-9]|J20)(.[0-9])?'

-- the first three characters of a code
SELECT person_id, SUBSTRING(condition_source_value FROM 1 FOR 3) AS icd3, COUNT(*) FROM condition_occurrence
WHERE condition_source_value IS NOT NULL AND CHAR_LENGTH(condition_source_value) >= 3 GROUP BY person_id, SUBSTRING(condition_source_value FROM 1 FOR 3)

-- text results made numbers
SELECT person_id, CAST(REGEXP_REPLACE(value_source_value, '[^0-9.]', '', 'g') AS numeric) AS v
FROM measurement WHERE value_source_value ~ '^[><]?[0-9]+(\.[0-9]+)?'

-- images within a month of a scan's procedure
SELECT io.person_id, io.accession_id, io.image_occurrence_date
FROM image_occurrence io
JOIN procedure_occurrence po ON po.procedure_occurrence_id = io.procedure_occurrence_id AND po.person_id = io.person_id
WHERE ABS(io.image_occurrence_date - po.procedure_date) <= 30

-- chest images of smokers
SELECT DISTINCT i.accession_id, i.person_id
FROM image_occurrence i
WHERE i.anatomic_site_concept_id = 4042669
  AND EXISTS (SELECT 1 FROM observation o WHERE o.person_id = i.person_id
              AND lower(o.value_as_string) LIKE '%smoker%' AND o.observation_date <= i.image_occurrence_date)

-- images with an algorithm's finding and its version
SELECT f.person_id, i.accession_id, split_part(f.alg_system, ' ', 1) AS algorithm, split_part(f.alg_system, ' ', 2)::numeric AS version
FROM image_feature f INNER JOIN image_occurrence i ON i.image_occurrence_id = f.image_occurrence_id
WHERE f.alg_system IS NOT NULL

-- the last image before a diagnosis
SELECT DISTINCT ON (c.person_id) c.person_id, i.accession_id, i.image_occurrence_date
FROM condition_occurrence c JOIN image_occurrence i USING (person_id)
WHERE i.image_occurrence_date <= c.condition_start_date + 365
ORDER BY c.person_id, i.image_occurrence_date DESC, i.image_occurrence_id

-- number of modalities per person
SELECT person_id, COUNT(DISTINCT modality_concept_id) AS modalities, MIN(image_occurrence_date) AS first_image
FROM image_occurrence GROUP BY person_id ORDER BY modalities DESC NULLS LAST, person_id

-- images without any report
SELECT io.accession_id FROM image_occurrence io
LEFT JOIN note n ON n.person_id = io.person_id AND n.note_date BETWEEN io.image_occurrence_date - 7 AND io.image_occurrence_date + 7
WHERE n.note_id IS NULL

-- set operations
SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 260139
INTERSECT
SELECT person_id FROM drug_exposure WHERE drug_concept_id <> 0
EXCEPT
SELECT person_id FROM death

-- union of sources with a label
SELECT person_id, 'condition' AS source, condition_start_date AS d FROM condition_occurrence WHERE condition_concept_id = 201820
UNION ALL
SELECT person_id, 'drug', drug_exposure_start_date FROM drug_exposure WHERE drug_concept_id = 1539464
ORDER BY 1, 3, 2

-- quoted names and odd case
SELECT "p"."person_id" AS "Patient ID", P.YEAR_OF_BIRTH AS "Jahr", p.gender_source_value "sex"
FROM "omop"."person" p WHERE "p"."gender_concept_id" = 8532

-- comments everywhere
/* cohort for the thorax study
   by the imaging group */
SELECT p.person_id -- the patient
     , p.gender_concept_id /* 8507 male, 8532 female */
FROM person p
WHERE p.year_of_birth < 1960 -- born before the sixties
;

-- a value list joined
SELECT co.person_id, l.label
FROM condition_occurrence co
JOIN (VALUES (260139, 'bronchitis'), (40481087, 'sinusitis')) AS l(concept_id, label) ON l.concept_id = co.condition_concept_id

-- values in a CTE
WITH codes(concept_id, label) AS (VALUES (260139, 'bronchitis'), (40481087, 'sinusitis'))
SELECT co.person_id, codes.label FROM condition_occurrence co JOIN codes ON codes.concept_id = co.condition_concept_id

-- IN a list of values
SELECT person_id FROM condition_occurrence WHERE condition_concept_id IN (VALUES (260139), (40481087))

-- list by UNION ALL, joined ON
WITH codes AS (SELECT 260139 AS concept_id, 'bronchitis' AS label UNION ALL SELECT 40481087, 'sinusitis')
SELECT co.person_id, codes.label FROM condition_occurrence co JOIN codes ON codes.concept_id = co.condition_concept_id

-- unnest of a list of concepts
SELECT person_id, u.cid FROM condition_occurrence JOIN unnest(ARRAY[260139, 40481087]) AS u(cid) ON u.cid = condition_concept_id

-- a calendar of years
SELECT op.person_id, y.yr
FROM observation_period op
JOIN generate_series(2010, 2020) AS y(yr) ON make_date(y.yr, 7, 1) BETWEEN op.observation_period_start_date AND op.observation_period_end_date

-- a calendar of months
SELECT v.person_id, m.month::date
FROM visit_occurrence v
JOIN generate_series('2019-01-01'::date, '2019-12-01'::date, '1 month'::interval) AS m(month)
  ON v.visit_start_date >= m.month AND v.visit_start_date < m.month + interval '1 month'

-- a calendar of months with numbers
SELECT v.person_id, DATE '2019-01-01' + (m.n * INTERVAL '1 month') AS month
FROM visit_occurrence v JOIN generate_series(0, 11) AS m(n)
  ON v.visit_start_date >= DATE '2019-01-01' + m.n * INTERVAL '1 month'
 AND v.visit_start_date < DATE '2019-01-01' + (m.n + 1) * INTERVAL '1 month'

-- scalar subquery for the last visit
SELECT p.person_id, (SELECT MAX(v.visit_start_date) FROM visit_occurrence v WHERE v.person_id = p.person_id) AS last_visit FROM person p

-- scalar subquery with LIMIT
SELECT p.person_id, (SELECT v.visit_start_date FROM visit_occurrence v WHERE v.person_id = p.person_id ORDER BY v.visit_start_date DESC, v.visit_occurrence_id LIMIT 1) AS last_visit FROM person p

-- count in the WHERE
SELECT p.person_id FROM person p
WHERE (SELECT COUNT(*) FROM visit_occurrence v WHERE v.person_id = p.person_id AND v.visit_concept_id = 9202) >= 10

-- above one's own mean
SELECT m.person_id, m.value_as_number FROM measurement m
WHERE m.measurement_concept_id = 3004410
  AND m.value_as_number > (SELECT AVG(x.value_as_number) FROM measurement x WHERE x.person_id = m.person_id AND x.measurement_concept_id = m.measurement_concept_id)

-- by ALL
SELECT m.person_id, m.measurement_date FROM measurement m
WHERE m.measurement_concept_id = 3004410
  AND m.measurement_date >= ALL (SELECT x.measurement_date FROM measurement x WHERE x.person_id = m.person_id AND x.measurement_concept_id = 3004410)

-- everything of a table
SELECT * FROM person WHERE year_of_birth > 2000

-- everything of a join
SELECT p.*, co.condition_start_date FROM person p JOIN condition_occurrence co ON co.person_id = p.person_id WHERE co.condition_concept_id = 4217975

-- dates as text
SELECT person_id, TO_CHAR(visit_start_date, 'YYYY-MM') AS ym, TO_CHAR(visit_start_datetime, 'HH24:MI') AS hhmi FROM visit_occurrence WHERE visit_concept_id = 9203

-- weekday visits
SELECT person_id, visit_start_date FROM visit_occurrence WHERE EXTRACT(ISODOW FROM visit_start_date) IN (6, 7) AND visit_concept_id = 9203

-- financial year
SELECT person_id, CASE WHEN EXTRACT(MONTH FROM visit_start_date) >= 4 THEN EXTRACT(YEAR FROM visit_start_date) ELSE EXTRACT(YEAR FROM visit_start_date) - 1 END AS fy
FROM visit_occurrence WHERE visit_concept_id = 9201

-- out of hours
SELECT person_id FROM visit_occurrence WHERE visit_start_datetime::time NOT BETWEEN '08:00' AND '18:00' AND visit_concept_id = 9203

-- age in months
SELECT person_id, EXTRACT(YEAR FROM AGE(d.death_date, p.birth_datetime)) * 12 + EXTRACT(MONTH FROM AGE(d.death_date, p.birth_datetime)) AS months
FROM person p JOIN death d USING (person_id)

-- interval arithmetic with months
SELECT person_id, condition_start_date + INTERVAL '6 months' AS followup, (condition_start_date - INTERVAL '2 weeks')::date AS lookback FROM condition_occurrence WHERE condition_concept_id = 201820

-- interval times a column
SELECT person_id, drug_exposure_start_date + days_supply * INTERVAL '1 day' AS runs_out FROM drug_exposure WHERE days_supply BETWEEN 1 AND 365

-- days to date by a column
SELECT person_id, drug_exposure_start_date + days_supply AS runs_out FROM drug_exposure WHERE days_supply BETWEEN 1 AND 365

-- interval from text
SELECT person_id, drug_exposure_start_date + (days_supply || ' days')::interval AS runs_out FROM drug_exposure WHERE days_supply > 0

-- bands by arithmetic
SELECT person_id, (year_of_birth / 10) * 10 AS decade, FLOOR((2020 - year_of_birth) / 5.0) * 5 AS band FROM person

-- bmi from two measurements
WITH h AS (SELECT person_id, MAX(value_as_number) / 100.0 AS m FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number > 0 GROUP BY person_id),
     w AS (SELECT person_id, AVG(value_as_number) AS kg FROM measurement WHERE measurement_concept_id = 3000963 GROUP BY person_id)
SELECT h.person_id, ROUND((w.kg / POWER(h.m, 2))::numeric, 1) AS bmi FROM h JOIN w ON w.person_id = h.person_id

-- units brought together
SELECT person_id, CASE unit_source_value WHEN 'mmol/mol' THEN value_as_number / 10.929 + 2.15 WHEN '%' THEN value_as_number END AS hba1c_percent
FROM measurement WHERE measurement_concept_id = 3004410

-- replace a dot
SELECT person_id, REPLACE(condition_source_value, '.', '') AS code FROM condition_occurrence WHERE condition_source_value <> '0'

-- not null in the old way
SELECT person_id FROM condition_occurrence WHERE condition_end_date NOTNULL

-- inequality with !=
SELECT person_id FROM person WHERE gender_concept_id != 8507

-- double colon on a literal
SELECT person_id FROM visit_occurrence WHERE visit_start_date >= '2018-01-01'::date AND visit_start_date < '2019-01-01'::timestamp

-- timestamps between texts
SELECT person_id FROM measurement WHERE measurement_datetime BETWEEN '2020-01-01 00:00:00' AND '2020-12-31 23:59:59'

-- to_date of a text
SELECT person_id FROM visit_occurrence WHERE visit_start_date > TO_DATE('01/06/2018', 'DD/MM/YYYY') AND visit_concept_id = 9203

-- to_date in another format
SELECT person_id FROM visit_occurrence WHERE visit_start_date > to_date('20180601', 'YYYYMMDD') AND visit_concept_id = 9203

-- grouping sets
SELECT person_id, visit_concept_id, COUNT(*) AS n, GROUPING(visit_concept_id) AS total FROM visit_occurrence
WHERE visit_concept_id IN (9201, 9203)
GROUP BY GROUPING SETS ((person_id, visit_concept_id), (person_id))

-- rollup with the person outside
SELECT person_id, visit_concept_id, COUNT(*) AS n FROM visit_occurrence GROUP BY person_id, ROLLUP (visit_concept_id)

-- cube within the person
SELECT person_id, visit_concept_id, visit_type_concept_id, COUNT(*) FROM visit_occurrence GROUP BY person_id, CUBE (visit_concept_id, visit_type_concept_id)

-- arrays of visits
SELECT person_id, ARRAY_AGG(visit_concept_id ORDER BY visit_start_date, visit_occurrence_id) AS path FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203) GROUP BY person_id

-- path as text
SELECT person_id, STRING_AGG(visit_concept_id::text, '>' ORDER BY visit_start_date, visit_occurrence_id) AS path FROM visit_occurrence WHERE visit_concept_id IN (9201, 9203) GROUP BY person_id

-- both conditions by HAVING
SELECT person_id FROM condition_occurrence WHERE condition_concept_id IN (260139, 40481087) GROUP BY person_id HAVING COUNT(DISTINCT condition_concept_id) = 2

-- both by bool_or
SELECT person_id FROM condition_occurrence GROUP BY person_id HAVING BOOL_OR(condition_concept_id = 260139) AND NOT BOOL_OR(condition_concept_id = 4217975)

-- every measurement in range
SELECT person_id FROM measurement WHERE range_low IS NOT NULL GROUP BY person_id HAVING EVERY(value_as_number BETWEEN range_low AND range_high) IS NOT TRUE

-- drug eras with a stop
SELECT de.person_id, de.drug_era_end_date FROM drug_era de
WHERE de.gap_days < 30 AND NOT EXISTS (SELECT * FROM drug_era later WHERE later.person_id = de.person_id AND later.drug_concept_id = de.drug_concept_id AND later.drug_era_start_date > de.drug_era_end_date)

-- condition eras of some length
SELECT person_id, condition_concept_id, condition_era_end_date - condition_era_start_date AS days FROM condition_era WHERE condition_era_end_date - condition_era_start_date > 14

-- switch between drugs
SELECT a.person_id, a.drug_concept_id AS was, b.drug_concept_id AS became, b.drug_era_start_date
FROM drug_era a JOIN drug_era b ON b.person_id = a.person_id AND b.drug_concept_id <> a.drug_concept_id
 AND b.drug_era_start_date BETWEEN a.drug_era_end_date AND a.drug_era_end_date + 30

-- providers of a specialty
SELECT v.person_id, pr.specialty_source_value FROM visit_occurrence v JOIN provider pr ON pr.provider_id = v.provider_id WHERE TRIM(LOWER(pr.specialty_source_value)) = 'radiology'

-- care sites by kind
SELECT v.person_id, cs.place_of_service_source_value FROM visit_occurrence v LEFT JOIN care_site cs USING (care_site_id) WHERE v.visit_concept_id IN (9201, 9203)

-- care site by name
SELECT v.person_id FROM visit_occurrence v JOIN care_site cs ON cs.care_site_id = v.care_site_id WHERE cs.care_site_name = 'North clinic'

-- alias in GROUP BY and ORDER BY
SELECT person_id, date_trunc('year', visit_start_date) AS y, COUNT(*) AS n FROM visit_occurrence GROUP BY person_id, y ORDER BY n DESC, person_id, y

-- concat with ||
SELECT person_id, gender_source_value || '-' || year_of_birth AS k FROM person

-- the year as text
SELECT person_id, year_of_birth::text || '-01-01' AS d FROM person WHERE (year_of_birth::text || '-01-01')::date < '1950-01-01'

-- nested CTEs
WITH a AS (WITH b AS (SELECT person_id, visit_start_date FROM visit_occurrence WHERE visit_concept_id = 9201) SELECT person_id, MIN(visit_start_date) AS d FROM b GROUP BY person_id)
SELECT a.person_id, a.d FROM a JOIN person USING (person_id) WHERE person.year_of_birth < 1990

-- CTEs that build upon each other
WITH cases AS (SELECT person_id, MIN(condition_start_date) AS idx FROM condition_occurrence WHERE condition_concept_id = 40481087 GROUP BY person_id),
     before AS (SELECT c.person_id, COUNT(v.visit_occurrence_id) AS visits FROM cases c LEFT JOIN visit_occurrence v ON v.person_id = c.person_id AND v.visit_start_date < c.idx AND v.visit_start_date >= c.idx - 365 GROUP BY c.person_id),
     after AS (SELECT c.person_id, COUNT(v.visit_occurrence_id) AS visits FROM cases c LEFT JOIN visit_occurrence v ON v.person_id = c.person_id AND v.visit_start_date BETWEEN c.idx AND c.idx + 365 GROUP BY c.person_id)
SELECT b.person_id, b.visits AS visits_before, a.visits AS visits_after FROM before b JOIN after a ON a.person_id = b.person_id

-- full join of two cohorts
SELECT COALESCE(a.person_id, b.person_id) AS person_id, a.n AS conditions, b.n AS drugs
FROM (SELECT person_id, COUNT(*) AS n FROM condition_occurrence GROUP BY person_id) a
FULL OUTER JOIN (SELECT person_id, COUNT(*) AS n FROM drug_exposure GROUP BY person_id) b ON a.person_id = b.person_id

-- semi-join of rows
SELECT person_id, condition_concept_id FROM condition_occurrence WHERE (person_id, visit_occurrence_id) IN (SELECT person_id, visit_occurrence_id FROM visit_occurrence WHERE visit_concept_id = 9202)

-- conditions in the same visit as a drug
SELECT DISTINCT c.person_id, c.condition_concept_id FROM condition_occurrence c WHERE c.visit_occurrence_id IN (SELECT d.visit_occurrence_id FROM drug_exposure d WHERE d.drug_concept_id = 1539464)

-- same day events
SELECT c.person_id FROM condition_occurrence c JOIN procedure_occurrence p ON p.person_id = c.person_id AND p.procedure_date = c.condition_start_date WHERE c.condition_concept_id = 260139

-- cast of a timestamp to a date
SELECT person_id, CAST(measurement_datetime AS date) AS d FROM measurement WHERE measurement_concept_id = 3004410

-- epoch days
SELECT person_id, EXTRACT(EPOCH FROM (visit_end_datetime - visit_start_datetime)) / 3600 AS hours FROM visit_occurrence WHERE visit_concept_id = 9203

-- justify and to hours
SELECT person_id, EXTRACT(DAY FROM visit_end_datetime - visit_start_datetime) * 24 + EXTRACT(HOUR FROM visit_end_datetime - visit_start_datetime) AS hours FROM visit_occurrence WHERE visit_concept_id = 9201

-- date_part of a difference
SELECT person_id, DATE_PART('day', visit_end_datetime - visit_start_datetime) AS days FROM visit_occurrence WHERE visit_concept_id = 9201

-- greatest and least of dates
SELECT op.person_id, LEAST(op.observation_period_end_date, d.death_date) AS censored FROM observation_period op LEFT JOIN death d ON d.person_id = op.person_id

-- follow-up in years
SELECT op.person_id, ROUND((op.observation_period_end_date - op.observation_period_start_date) / 365.25, 1) AS years FROM observation_period op

-- natural log of a lab
SELECT person_id, LN(value_as_number) AS l, LOG(10, value_as_number) AS lg, value_as_number ^ 2 AS sq FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number > 0

-- standardised within the person
SELECT person_id, (value_as_number - AVG(value_as_number) OVER (PARTITION BY person_id)) / NULLIF(STDDEV_SAMP(value_as_number) OVER (PARTITION BY person_id), 0) AS z FROM measurement WHERE measurement_concept_id = 3004410

-- slope over time
SELECT person_id, REGR_SLOPE(value_as_number, EXTRACT(EPOCH FROM measurement_datetime) / 86400) AS per_day FROM measurement WHERE measurement_concept_id = 3004410 GROUP BY person_id HAVING COUNT(*) > 2

-- correlated EXISTS in a SELECT
SELECT p.person_id, EXISTS (SELECT 1 FROM death d WHERE d.person_id = p.person_id) AS dead FROM person p

-- CASE WHEN EXISTS
SELECT p.person_id, CASE WHEN EXISTS (SELECT 1 FROM drug_exposure d WHERE d.person_id = p.person_id AND d.drug_concept_id = 1127433) THEN 'exposed' ELSE 'unexposed' END AS arm FROM person p

-- control group by difference
SELECT p.person_id FROM person p WHERE p.person_id IN (SELECT person_id FROM visit_occurrence WHERE visit_concept_id = 9202) AND p.person_id NOT IN (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 260139)

-- nullif chains and division
SELECT person_id, COALESCE(NULLIF(TRIM(gender_source_value), ''), 'unknown') AS sex FROM person

-- text search in source values with a German letter
SELECT person_id FROM measurement WHERE measurement_source_value ILIKE 'größe'

-- dollar quotes
SELECT person_id FROM measurement WHERE measurement_source_value = $$HbA1c$$

-- escape strings
SELECT person_id FROM measurement WHERE measurement_source_value = E'HbA1c'

-- is true
SELECT person_id FROM measurement WHERE (value_as_number > range_high) IS TRUE

-- boolean column in CASE
SELECT person_id, CASE WHEN value_as_number > range_high THEN TRUE ELSE FALSE END AS high FROM measurement WHERE range_high IS NOT NULL

-- integer division and modulo
SELECT person_id, year_of_birth % 10 AS digit, MOD(year_of_birth, 100) AS yy, year_of_birth / 100 AS century FROM person

-- mode of the visit kind
SELECT person_id, MODE() WITHIN GROUP (ORDER BY visit_concept_id) AS usual FROM visit_occurrence GROUP BY person_id

-- selecting by row number of several
SELECT person_id, condition_start_date FROM (SELECT person_id, condition_start_date, DENSE_RANK() OVER (PARTITION BY person_id ORDER BY condition_start_date) AS nth FROM condition_occurrence) x WHERE nth <= 2

-- xor by <>
SELECT person_id FROM condition_occurrence WHERE (condition_end_date IS NULL) <> (stop_reason IS NULL)

-- date minus interval gives a timestamp
SELECT p.person_id, d.death_date - INTERVAL '1 year' AS year_before FROM death d JOIN person p USING (person_id) WHERE d.death_date - INTERVAL '80 years' > p.birth_datetime

-- negative interval
SELECT person_id, visit_start_date + INTERVAL '-3 days' AS d FROM visit_occurrence WHERE visit_concept_id = 9203

-- interval with several units and ago
SELECT person_id, visit_start_date - INTERVAL '1 year 2 mons 3 days' AS d FROM visit_occurrence WHERE visit_concept_id = 9203

-- interval precision
SELECT person_id, visit_start_date + INTERVAL '1' YEAR AS d, visit_start_date - INTERVAL '3' MONTH AS e FROM visit_occurrence WHERE visit_concept_id = 9203

-- lower and like with escape
SELECT person_id FROM measurement WHERE measurement_source_value LIKE '%\_%' OR measurement_source_value LIKE 'A!%%' ESCAPE '!'

-- position and strpos
SELECT person_id, POSITION('mg' IN drug_source_value) AS at, STRPOS(drug_source_value, 'mg') AS at2 FROM drug_exposure WHERE drug_concept_id IN (1539464, 1127433)

-- the dose from a name by replacing
SELECT person_id, NULLIF(REGEXP_REPLACE(drug_source_value, '^.*?([0-9]+)mg.*$', '\1'), drug_source_value)::int AS mg FROM drug_exposure WHERE drug_source_value ~ '[0-9]+mg'

-- calendar by casts and a text step
SELECT v.person_id, m.d::date AS d FROM visit_occurrence v JOIN generate_series('2019-01-01'::timestamp, '2019-12-01'::timestamp, '2 weeks') AS m(d) ON v.visit_start_date BETWEEN m.d AND m.d + INTERVAL '13 days'

-- a calendar that ends before it begins
SELECT v.person_id, m.d FROM visit_occurrence v LEFT JOIN generate_series(DATE '2019-12-01', DATE '2019-01-01', INTERVAL '1 month') AS m(d) ON v.visit_start_date = m.d::date

-- values of several kinds
SELECT p.person_id, v.a, v.b, v.c, v.d FROM person p JOIN (VALUES (8507, 'm', 1.5, DATE '2020-01-01'), (8532, NULL, 2, '2021-01-01'::date)) AS v(a, b, c, d) ON v.a = p.gender_concept_id

-- values without names
SELECT p.person_id, v.column1 FROM person p JOIN (VALUES (8507), (-1)) AS v ON v.column1 = p.gender_concept_id

-- values with a union
SELECT p.person_id FROM person p WHERE p.gender_concept_id IN (VALUES (8507) UNION ALL SELECT 0)

-- values of rows
SELECT p.person_id FROM person p WHERE (p.gender_concept_id, p.year_of_birth) IN (VALUES (8507, 1950), (8532, 2000))

-- ordered values
SELECT p.person_id FROM person p WHERE p.gender_concept_id IN (VALUES (8507), (8532) ORDER BY 1 LIMIT 1)

-- LIKE ANY and NOT LIKE ANY and ILIKE
SELECT person_id, condition_source_value LIKE ANY (ARRAY['E11%', 'C34.1']) AS a, condition_source_value NOT LIKE ANY (ARRAY['E11%', 'C%']) AS b, condition_source_value ILIKE ANY (ARRAY['e1_.9', '%\.1']) AS c FROM condition_occurrence WHERE condition_source_value <> '0'

-- grouping sets with the person in each
SELECT person_id, visit_concept_id, visit_type_concept_id, COUNT(*) AS n, GROUPING(visit_concept_id, visit_type_concept_id) AS g FROM visit_occurrence GROUP BY GROUPING SETS ((person_id, visit_concept_id), (person_id, visit_type_concept_id), (person_id))

-- grouping sets in a subquery that is joined
SELECT p.person_id, g.n FROM person p JOIN (SELECT person_id, visit_concept_id, COUNT(*) AS n FROM visit_occurrence GROUP BY GROUPING SETS ((person_id, visit_concept_id), (person_id))) g ON g.person_id = p.person_id WHERE g.visit_concept_id IS NULL

-- grouping sets with different ids
SELECT person_id, visit_occurrence_id, COUNT(*) AS n FROM visit_occurrence GROUP BY GROUPING SETS ((person_id), (visit_occurrence_id))

-- two grouping sets
SELECT person_id, COUNT(*) AS n FROM visit_occurrence GROUP BY GROUPING SETS ((person_id), (person_id, visit_concept_id)), GROUPING SETS ((visit_type_concept_id), ())

-- grouping sets by position and label
SELECT person_id AS who, visit_concept_id AS kind, COUNT(*) FROM visit_occurrence GROUP BY GROUPING SETS ((1, kind), (who))

-- grouping sets of a nullable id
SELECT d.person_id, COUNT(*) FROM person p LEFT JOIN death d ON d.person_id = p.person_id GROUP BY GROUPING SETS ((d.person_id))

-- a calendar that begins on the last of a month
SELECT p.person_id, m.d, m.d::date AS day FROM person p CROSS JOIN generate_series(DATE '2019-01-31', DATE '2019-12-31', INTERVAL '1 month') AS m(d)
WHERE p.year_of_birth = 1950

-- a calendar of hours
SELECT p.person_id, count(h) AS n, min(h) AS f, max(h) AS l FROM person p, generate_series('2020-02-28 22:00:00'::timestamp, '2020-03-01 02:30:00'::timestamp, '1 hour') AS h
WHERE p.year_of_birth = 1950 GROUP BY p.person_id
