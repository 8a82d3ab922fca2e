-- ages in groups of ten years
SELECT p.person_id, s.low FROM person p JOIN generate_series(0, 120, 10) AS s(low)
  ON 2020 - p.year_of_birth BETWEEN s.low AND s.low + 9

-- a series downwards
SELECT p.person_id, s.n FROM person p CROSS JOIN generate_series(3, 1, -1) AS s(n) WHERE p.year_of_birth = 1964

-- a list of numbers
SELECT p.person_id, u.year FROM person p JOIN unnest(ARRAY[1950, 1964, 2000]) AS u(year) ON u.year = p.year_of_birth

-- a list of texts
SELECT p.person_id, u.letter FROM person p JOIN unnest(ARRAY['M', 'F', 'U']) AS u(letter) ON u.letter = p.gender_source_value

-- days on treatment by month
SELECT d.person_id, s.month FROM drug_exposure d CROSS JOIN generate_series(0, 11) AS s(month)
WHERE s.month <= d.days_supply / 30 AND d.days_supply > 60
