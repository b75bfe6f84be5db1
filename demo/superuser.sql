-- Long values are cut, for the width of the page.
\pset footer off
\echo '=# SELECT * FROM roughly.votes LIMIT 3;                     -- who has voted'
SELECT voter_tag, left(receipt::text, 58) || '...' AS receipt FROM roughly.votes LIMIT 3;
\echo '=# SELECT * FROM roughly.ballots LIMIT 3;                   -- what, waiting to be counted'
SELECT id, left(sealed::text, 58) || '...' AS sealed FROM roughly.ballots LIMIT 3;
\echo '=# SELECT * FROM roughly.batches LIMIT 3;                   -- what, counted'
SELECT batch_no, block_no, blocks, left(sealed::text, 58) || '...' AS sealed FROM roughly.batches LIMIT 3;
