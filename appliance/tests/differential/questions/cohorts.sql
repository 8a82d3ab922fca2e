-- images with their modality and age at the image
SELECT i.accession_id, i.person_id, i.modality_concept_id, EXTRACT(YEAR FROM age(i.image_occurrence_date, p.birth_datetime)) AS age
FROM image_occurrence i JOIN person p ON p.person_id = i.person_id

-- images by accession alone
SELECT accession_id, image_occurrence_date FROM image_occurrence WHERE modality_concept_id = 4056681

-- images without a feature
SELECT i.accession_id, i.person_id FROM image_occurrence i LEFT JOIN image_feature f ON f.image_occurrence_id = i.image_occurrence_id
WHERE f.image_feature_id IS NULL

-- features with what they found
SELECT f.person_id, f.alg_system, i.accession_id, split_part(f.alg_system, ' ', 2) AS version FROM image_feature f
JOIN image_occurrence i USING (image_occurrence_id)

-- images within a week after a procedure
SELECT DISTINCT i.accession_id, i.person_id FROM image_occurrence i
JOIN procedure_occurrence o ON o.procedure_occurrence_id = i.procedure_occurrence_id
WHERE i.image_occurrence_date BETWEEN o.procedure_date AND o.procedure_date + 7

-- images of each person and modality
SELECT person_id, modality_concept_id, count(DISTINCT accession_id) AS studies, count(*) AS series FROM image_occurrence
GROUP BY person_id, modality_concept_id

-- new users of a drug with a year before it
WITH first_use AS (
  SELECT person_id, min(drug_exposure_start_date) AS start FROM drug_exposure WHERE drug_concept_id = 1127433 GROUP BY person_id
)
SELECT f.person_id, f.start FROM first_use f JOIN observation_period o ON o.person_id = f.person_id
WHERE f.start BETWEEN o.observation_period_start_date + INTERVAL '1 year' AND o.observation_period_end_date

-- days observed
SELECT person_id, observation_period_end_date - observation_period_start_date + 1 AS days,
       EXTRACT(YEAR FROM age(observation_period_end_date, observation_period_start_date)) AS years
FROM observation_period

-- drugs after a condition
SELECT c.person_id, min(d.drug_exposure_start_date - c.condition_start_date) AS days_to_drug FROM condition_occurrence c
JOIN drug_exposure d ON d.person_id = c.person_id AND d.drug_exposure_start_date >= c.condition_start_date
WHERE c.condition_concept_id = 40481087 GROUP BY c.person_id

-- proportion of days covered
SELECT person_id, sum(days_supply)::numeric / nullif(max(drug_exposure_end_date) - min(drug_exposure_start_date), 0) AS pdc
FROM drug_exposure WHERE drug_concept_id = 1539464 GROUP BY person_id

-- readmission within thirty days
SELECT DISTINCT a.person_id, a.visit_end_date, b.visit_start_date FROM visit_occurrence a
JOIN visit_occurrence b ON b.person_id = a.person_id AND b.visit_start_date > a.visit_end_date
 AND b.visit_start_date <= a.visit_end_date + INTERVAL '30 days'
WHERE a.visit_concept_id = 9201 AND b.visit_concept_id IN (9201, 9203)

-- an index of comorbidity
SELECT p.person_id, sum(CASE c.condition_concept_id WHEN 201820 THEN 2 WHEN 4311629 THEN 1 WHEN 260139 THEN 1 ELSE 0 END) AS score
FROM person p LEFT JOIN condition_occurrence c ON c.person_id = p.person_id GROUP BY p.person_id
HAVING sum(CASE c.condition_concept_id WHEN 201820 THEN 2 WHEN 4311629 THEN 1 WHEN 260139 THEN 1 ELSE 0 END) > 0

-- eras that overlap an exposure
SELECT e.person_id, e.condition_concept_id, d.drug_concept_id FROM condition_era e JOIN drug_exposure d ON d.person_id = e.person_id
WHERE (d.drug_exposure_start_date <= e.condition_era_end_date AND d.drug_exposure_end_date >= e.condition_era_start_date)
  AND e.condition_concept_id IN (201820, 40481087)

-- smokers by what was written
SELECT person_id, lower(trim(value_as_string)) AS habit, value_as_number FROM observation
WHERE lower(value_as_string) IN ('smoker', 'never', 'ex-smoker')

-- the last value before death
SELECT DISTINCT ON (d.person_id) d.person_id, m.measurement_date, m.value_as_number, d.death_date - m.measurement_date AS days
FROM death d JOIN measurement m ON m.person_id = d.person_id AND m.measurement_date <= d.death_date
WHERE m.measurement_concept_id = 3004410 ORDER BY d.person_id, m.measurement_date DESC

-- change from a baseline
WITH readings AS (
  SELECT person_id, measurement_date, value_as_number,
         first_value(value_as_number) OVER (PARTITION BY person_id ORDER BY measurement_date, measurement_datetime, value_as_number) AS baseline
  FROM measurement WHERE measurement_concept_id = 3004410 AND value_as_number IS NOT NULL
)
SELECT person_id, measurement_date, value_as_number - baseline AS change,
       round(100 * (value_as_number - baseline) / nullif(baseline, 0), 1) AS percent
FROM readings WHERE value_as_number < 50

-- a row for each person with columns for each kind of visit
SELECT person_id, count(*) FILTER (WHERE visit_concept_id = 9201) AS inpatient, count(*) FILTER (WHERE visit_concept_id = 9202) AS outpatient,
       count(*) FILTER (WHERE visit_concept_id = 9203) AS emergency
FROM visit_occurrence GROUP BY person_id

-- persons by age at the extract and sex
SELECT p.person_id, floor((2026 - p.year_of_birth) / 10) * 10 AS decade, c.concept_name AS sex
FROM person p LEFT JOIN concept c ON c.concept_id = p.gender_concept_id
