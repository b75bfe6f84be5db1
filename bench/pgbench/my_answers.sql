-- What somebody has answered, beside the identity check that every request makes.
\set person random(1, :people)
BEGIN;
SELECT user_id IS NOT NULL AS known FROM roughly_authenticate((SELECT token FROM bench.people WHERE n = :person));
SELECT count(*) FROM roughly_my_answers();
COMMIT;
