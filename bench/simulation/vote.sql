-- The next vote of this client.
\set n :n + 1
\set row :n * :clients + :client_id
SELECT roughly_cast_vote(q.id, (ARRAY['tea', 'coffee', 'water'])[1 + floor(3 * random() * random())::integer])
  FROM bench.votes v JOIN bench.people p ON p.n = v.person JOIN bench.questions q ON q.n = v.question, roughly_authenticate(p.token)
 WHERE v.n = :row;
