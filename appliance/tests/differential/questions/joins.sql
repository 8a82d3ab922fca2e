-- men born before 1950
SELECT person_id, year_of_birth FROM person WHERE gender_concept_id = 8507 AND year_of_birth < 1950

-- every column of a table
SELECT * FROM omop.person WHERE year_of_birth IN (1582, 1901, 1964, 2020, 2024)

-- conditions with their names
SELECT co.person_id, co.condition_start_date, c.concept_name
FROM condition_occurrence co JOIN concept c ON c.concept_id = co.condition_concept_id
WHERE c.concept_name ILIKE '%diabetes%'

-- persons with no death on record
SELECT p.person_id FROM person p LEFT JOIN death d ON d.person_id = p.person_id
WHERE d.person_id IS NULL AND p.year_of_birth < 1930

-- deaths with their cause's name where there is one
SELECT d.person_id, d.death_date, d.cause_source_value, c.concept_name
FROM death AS d LEFT OUTER JOIN concept AS c ON c.concept_id = d.cause_concept_id

-- drugs during a visit, joined by the visit's key
SELECT de.person_id, v.visit_concept_id, de.quantity
FROM drug_exposure de INNER JOIN visit_occurrence v USING (visit_occurrence_id)
WHERE de.quantity > 0

-- visits at a care site of a provider's specialty
SELECT v.person_id, cs.care_site_name, pr.specialty_source_value
FROM visit_occurrence v
JOIN care_site cs ON cs.care_site_id = v.care_site_id
JOIN provider pr ON pr.provider_id = v.provider_id

-- two conditions of one person
SELECT DISTINCT a.person_id, a.condition_concept_id, b.condition_concept_id AS other
FROM condition_occurrence a JOIN condition_occurrence b ON a.person_id = b.person_id
WHERE a.condition_concept_id < b.condition_concept_id AND a.condition_concept_id = 201820

-- a right join keeps the persons
SELECT p.person_id, d.death_date FROM death d RIGHT JOIN person p ON p.person_id = d.person_id
WHERE p.year_of_birth BETWEEN 1900 AND 1905

-- a full join of deaths and images
SELECT COALESCE(d.person_id, i.person_id) AS person_id, d.death_date, i.image_occurrence_date
FROM death d FULL OUTER JOIN image_occurrence i ON i.person_id = d.person_id

-- a table under another name with other column names
SELECT q.who, q.sex FROM person AS q(who, sex) WHERE q.sex = 0

-- a cross join with concepts
SELECT p.person_id, c.concept_name FROM person p CROSS JOIN concept c
WHERE c.concept_id = 8507 AND p.gender_concept_id = c.concept_id AND p.year_of_birth < 1925

-- brackets around a join
SELECT p.person_id, d.death_date FROM (person p JOIN death d USING (person_id)) WHERE d.death_date < '2010-01-01'

-- a natural chain of three tables
SELECT p.person_id, v.visit_start_date, m.value_as_number
FROM person p
JOIN visit_occurrence v ON v.person_id = p.person_id
JOIN measurement m ON m.visit_occurrence_id = v.visit_occurrence_id AND m.person_id = p.person_id
WHERE m.measurement_concept_id = 3004410

-- one table twice with an inequality of dates
SELECT a.person_id, a.measurement_date, b.measurement_date AS later
FROM measurement a JOIN measurement b ON b.person_id = a.person_id AND b.measurement_date > a.measurement_date
WHERE a.measurement_concept_id = 3004410 AND b.measurement_concept_id = 3004410

-- a subquery in FROM
SELECT x.person_id, x.visits FROM (SELECT person_id, count(*) AS visits FROM visit_occurrence GROUP BY person_id) AS x
WHERE x.visits >= 20

-- conditions of a hierarchy, with CTEs
WITH wanted AS (SELECT descendant_concept_id AS concept_id FROM concept_ancestor WHERE ancestor_concept_id = 201820),
hits AS (
  SELECT co.person_id, co.condition_start_date FROM condition_occurrence co
  WHERE co.condition_concept_id IN (SELECT concept_id FROM wanted)
)
SELECT person_id, min(condition_start_date) AS first_date, count(*) AS n FROM hits GROUP BY person_id

-- a CTE that names its columns, materialised
WITH firsts(who, day) AS MATERIALIZED (
  SELECT person_id, min(visit_start_date) FROM visit_occurrence GROUP BY person_id
)
SELECT f.who, f.day, p.year_of_birth FROM firsts f JOIN person p ON p.person_id = f.who WHERE f.day < '1950-01-01'

-- a CTE not materialised, read twice
WITH m AS NOT MATERIALIZED (
  SELECT person_id, measurement_date AS d, value_as_number AS v FROM measurement WHERE measurement_concept_id = 3004410
)
SELECT a.person_id, a.v - b.v AS change FROM m a JOIN m b ON a.person_id = b.person_id AND b.d < a.d

-- a CTE called as a table
WITH person AS (SELECT person_id, year_of_birth FROM omop.person WHERE year_of_birth < 1920)
SELECT person_id, year_of_birth + 1 AS next_year FROM person

-- quoted names and mixed case
SELECT P."person_id", p.YEAR_OF_BIRTH AS "Year" FROM Person P WHERE P.Gender_Source_Value = 'U'
