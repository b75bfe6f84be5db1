-- Published numbers, as anybody reads them.
\set question random(1, :questions)
SELECT * FROM roughly_aggregate((SELECT id FROM bench.questions WHERE n = :question));
SELECT * FROM roughly_aggregate((SELECT id FROM bench.questions WHERE n = :question), '{gender}');
