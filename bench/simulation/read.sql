\set question random_zipfian(1, :questions, 1.001)
SELECT * FROM roughly_aggregate((SELECT id FROM bench.questions WHERE n = :question), '{gender}');
