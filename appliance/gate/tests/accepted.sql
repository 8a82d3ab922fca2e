SELECT * FROM omop.person
---
SELECT person_id, gender_source_value, year_of_birth FROM omop.person WHERE gender_source_value = 'F' LIMIT 100;
---
-- all adults with a chest X-ray
SELECT io.accession_id, io.person_id, c.concept_name AS modality
FROM omop.image_occurrence io
JOIN omop.concept c ON io.modality_concept_id = c.concept_id
JOIN omop.person p ON p.person_id = io.person_id
WHERE c.concept_name ILIKE '%radiograph%' /* or CT */
  AND EXTRACT(YEAR FROM AGE(io.image_occurrence_date, p.birth_datetime)) >= 18
---
WITH diabetes AS (
    SELECT descendant_concept_id AS concept_id FROM concept_ancestor WHERE ancestor_concept_id = 201820
), cohort AS MATERIALIZED (
    SELECT co.person_id, MIN(co.condition_start_date) AS index_date
    FROM condition_occurrence co
    WHERE co.condition_concept_id IN (SELECT concept_id FROM diabetes)
    GROUP BY co.person_id
)
SELECT c.person_id, c.index_date, m.value_as_number::numeric AS hba1c,
       m.measurement_date - c.index_date AS days_after
FROM cohort c
LEFT JOIN measurement m ON m.person_id = c.person_id AND m.measurement_concept_id = 3004410
WHERE m.measurement_date BETWEEN c.index_date AND c.index_date + INTERVAL '1 year'
ORDER BY c.person_id, 2 DESC NULLS LAST
LIMIT 500
---
SELECT DISTINCT ON (m.person_id) m.person_id, m.value_as_number, m.measurement_date
FROM measurement m
WHERE m.value_as_number IS NOT NULL AND m.unit_source_value <> 'mg/dL'
ORDER BY m.person_id, m.measurement_date DESC
---
SELECT person_id, visit_start_date,
       ROW_NUMBER() OVER (PARTITION BY person_id ORDER BY visit_start_date) AS n,
       LAG(visit_end_date, 1) OVER w AS before,
       COUNT(*) OVER (PARTITION BY person_id ORDER BY visit_start_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
FROM visit_occurrence
WINDOW w AS (PARTITION BY person_id ORDER BY visit_start_date)
---
SELECT person_id FROM condition_occurrence WHERE condition_concept_id = 4329847
UNION
SELECT person_id FROM procedure_occurrence WHERE procedure_concept_id IN (4336464, 4295278)
EXCEPT
(SELECT person_id FROM death)
ORDER BY person_id
FETCH FIRST 200 ROWS ONLY
---
SELECT p.person_id,
       CASE WHEN p.gender_concept_id = 8507 THEN 'male' WHEN p.gender_concept_id = 8532 THEN 'female' ELSE 'other' END AS sex,
       date_part('year', age(p.birth_datetime)) AS years,
       FLOOR((EXTRACT(YEAR FROM CURRENT_DATE) - p.year_of_birth) / 10) * 10 AS decade,
       COALESCE(p.race_source_value, 'unknown') AS race
FROM person p
WHERE NOT EXISTS (SELECT 1 FROM death d WHERE d.person_id = p.person_id)
  AND p.year_of_birth BETWEEN 1930 AND 1990
---
SELECT m.person_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY m.value_as_number) AS median,
       AVG(m.value_as_number) FILTER (WHERE m.value_as_number > 0), COUNT(DISTINCT m.visit_occurrence_id) AS visits,
       STRING_AGG(DISTINCT m.unit_source_value, ', ') AS units
FROM measurement m
GROUP BY m.person_id
HAVING COUNT(*) > 2
---
SELECT p.person_id, to_char(v.visit_start_date, 'YYYY-MM') AS month, date_trunc('quarter', v.visit_start_date)
FROM person p JOIN visit_occurrence v USING (person_id)
WHERE v.visit_start_date >= to_date('2020-01-01', 'YYYY-MM-DD') AND v.visit_start_date < DATE '2021-01-01'
---
SELECT person_id, condition_source_value FROM condition_occurrence
WHERE condition_source_value ~* '^(c34|c78)' AND condition_source_value !~ 'x' AND stop_reason SIMILAR TO '(a|b)%'
  AND condition_source_value NOT LIKE 'C99\_%' AND lower(condition_source_value) LIKE 'c%' ESCAPE '!'
---
SELECT p.person_id FROM person p
WHERE p.person_id IN (SELECT person_id FROM image_occurrence)
  AND p.gender_concept_id = ANY (ARRAY[8507, 8532]) AND p.race_concept_id <> ALL (ARRAY[0])
  AND (p.person_id, p.year_of_birth) IN (SELECT q.person_id, q.year_of_birth FROM person q)
  AND p.location_id IS NOT DISTINCT FROM p.location_id
---
WITH codes(concept_id, label) AS (VALUES (201826, 'type 2'), (201254, NULL))
SELECT c.person_id, codes.label, m.month::date
FROM condition_occurrence c JOIN codes ON codes.concept_id = c.condition_concept_id
JOIN generate_series('2019-01-01'::date, DATE '2019-12-01', '1 month') AS m(month) ON c.condition_start_date = m.month::date
WHERE c.condition_source_value NOT LIKE ANY (ARRAY['E11%', 'E1\_%']) AND c.condition_status_concept_id IN (VALUES (1), (-2))
---
SELECT person_id, visit_concept_id, count(*) FROM visit_occurrence
GROUP BY GROUPING SETS ((person_id, visit_concept_id), (person_id))
---
SELECT s.n, p.person_id FROM generate_series(0, 100, 10) AS s(n)
CROSS JOIN person p JOIN unnest(ARRAY['a', 'b']) AS u(letter) ON TRUE
WHERE 2020 - p.year_of_birth BETWEEN s.n AND s.n + 9
---
SELECT coalesce(a.person_id, b.person_id) AS person_id, a.drug_concept_id, b.device_concept_id
FROM drug_exposure a FULL OUTER JOIN device_exposure b ON a.person_id = b.person_id
---
SELECT person_id, provider_id, visit_concept_id, count(*), grouping(visit_concept_id)
FROM visit_occurrence GROUP BY person_id, ROLLUP (provider_id, visit_concept_id)
---
SELECT person_id, CAST(value_as_number AS decimal(10, 2)), value_as_number::int, round(value_as_number, 1),
       left(value_source_value, 3), substring(value_source_value from 2 for 3), trim(both ' ' from value_source_value),
       position('a' in value_source_value), upper(value_source_value) || '-' || split_part(value_source_value, '/', 1),
       regexp_replace(value_source_value, '[^0-9]', '', 'g'), (-value_as_number) ^ 2, value_as_number % 2,
       greatest(range_low, range_high, 0), nullif(value_as_number, 0), interval '30' day, now()
FROM measurement WHERE value_as_number IS NOT NULL AND (range_low > 1.5 OR range_high < 2e3) IS NOT TRUE
---
SELECT p.* , d.death_date FROM person AS p(id) LEFT JOIN death d ON d.person_id = p.id
---
SELECT x.person_id, x.n FROM (SELECT person_id, count(*) AS n FROM measurement GROUP BY 1 ORDER BY n DESC) AS x
JOIN (person JOIN death USING (person_id)) ON person.person_id = x.person_id
WHERE omop.person.year_of_birth > 1950
---
SELECT person_id, extract(year from drug_exposure_start_date) AS yr, sum(quantity), sum(days_supply)
FROM drug_exposure
GROUP BY person_id, yr
ORDER BY yr, sum(quantity) DESC
---
SELECT o.person_id FROM observation o WHERE o.observation_date > (SELECT max(d.death_date) FROM death d WHERE d.person_id = o.person_id)
  AND o.value_as_number > ALL (SELECT m.range_high FROM measurement m WHERE m.person_id = o.person_id AND m.range_high IS NOT NULL)
---
SELECT person_id FROM drug_exposure WHERE drug_exposure_start_date + days_supply > drug_exposure_end_date
  AND drug_exposure_start_date > CURRENT_DATE - INTERVAL '5 years'
  AND drug_exposure_end_date - '2020-01-01' > 30
---
SELECT c.cost_event_id, y.person_id FROM cost c JOIN payer_plan_period y USING (payer_plan_period_id)
---
SELECT co.subject_id, p.person_id FROM cohort co JOIN person p ON p.person_id = co.subject_id
WHERE co.cohort_definition_id = 3
---
SELECT person_id, NULL AS visit FROM person UNION ALL SELECT person_id, visit_occurrence_id FROM visit_occurrence
