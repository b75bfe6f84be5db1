-- One person's vote in one question; in most of them the person has voted before, which is told without an error.
\set person random(1, :people)
\set question random(1, :questions)
BEGIN;
SELECT user_id IS NOT NULL AS known FROM roughly_authenticate((SELECT token FROM bench.people WHERE n = :person));
SELECT bench.vote(:question);
COMMIT;
