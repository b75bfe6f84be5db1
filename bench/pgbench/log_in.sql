-- A log-in: one password hash.
\set person random(1, :people)
SELECT status FROM roughly_log_in('person' || :person || '@example.org', 'correct horse battery staple');
