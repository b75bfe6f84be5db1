-- :cpu is what all clients, the publisher and autovacuum took; :wal where the write-ahead log began.
\set ON_ERROR_STOP on
CREATE TEMPORARY TABLE vote AS
  SELECT question_id, at, row_number() OVER (PARTITION BY question_id ORDER BY at) AS n
    FROM (SELECT question_id, pg_xact_commit_timestamp(xmin) AS at FROM roughly.votes) v;
-- A block is a sealed box of 22 bytes for a ballot: its id, two bytes, and one for each of four dimensions.
CREATE TEMPORARY TABLE batch AS
  SELECT b.*, released_at, sum(ballots) OVER (PARTITION BY question_id ORDER BY batch_no) - ballots AS before,
         lag(released_at) OVER (PARTITION BY question_id ORDER BY batch_no) AS previous
    FROM (SELECT question_id, batch_no, sum((length(sealed) - 44) / 22) AS ballots FROM roughly.batches GROUP BY 1, 2) b
    LEFT JOIN (SELECT question_id, release_no AS batch_no, max(pg_xact_commit_timestamp(xmin)) AS released_at FROM roughly.releases GROUP BY 1, 2) r
        USING (question_id, batch_no);
-- A batch is due when min_batch ballots wait, or half as many as were counted before, and the one before it is released.
CREATE TEMPORARY TABLE lag AS
  SELECT extract(epoch FROM b.released_at - greatest(v.at, b.previous)) AS seconds
    FROM batch b JOIN roughly.questions q ON q.id = b.question_id
    JOIN vote v ON v.question_id = b.question_id AND v.n = b.before + greatest(q.min_batch, ceil(q.growth * b.before));

SELECT concat('| ', what, ' | ', value, ' |') FROM (
  SELECT 1 AS n, 'votes' AS what, count(*)::text AS value FROM vote
  UNION ALL SELECT 2, 'votes a second', round(count(*) / extract(epoch FROM max(at) - min(at)))::text FROM vote
  UNION ALL SELECT 3, 'questions with a vote; with a release', count(DISTINCT v.question_id) || '; ' || (SELECT count(*) FROM roughly.questions WHERE release > 0) FROM vote v
  UNION ALL SELECT 4, 'CPU of a vote and a read', bench.show((:cpu - (SELECT sum(cpu) FROM bench.sweeps)) / count(*), 's') FROM vote
  UNION ALL SELECT 5, 'write-ahead log of a vote, counting included', pg_wal_lsn_diff(pg_current_wal_lsn(), :'wal')::bigint / count(*) || ' bytes' FROM vote
  UNION ALL SELECT 6, 'batches released', count(released_at)::text FROM batch
  UNION ALL SELECT 7, 'rounds of the publisher', count(*) || ', of ' || bench.show(avg(cpu), 's') || ' CPU and ' || bench.show(avg(extract(epoch FROM ended - began)), 's') || ' on average' FROM bench.sweeps
  UNION ALL SELECT 8, 'its last round', bench.show(cpu, 's') || ' CPU' FROM bench.sweeps WHERE ended = (SELECT max(ended) FROM bench.sweeps)
  UNION ALL SELECT 9, 'its memory at most', bench.show(max(memory), 'MiB') FROM bench.sweeps
  UNION ALL SELECT 10, 'lag of a release: median, 95 %, longest', concat_ws(', ', bench.show(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), 's'),
    bench.show(percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds), 's'), bench.show(max(seconds), 's')) FROM lag
) r ORDER BY n;

\echo
\echo | table | live rows | dead, at most | dead, in the end | autovacuum ran | heap, at most | heap | indexes | after VACUUM FULL: heap | indexes |
CREATE TEMPORARY TABLE grown AS
  SELECT relname, max(dead) AS most_dead, max(heap) AS most_heap FROM bench.sizes GROUP BY 1;
CREATE TEMPORARY TABLE now AS
  SELECT s.relid, relname, most_dead, most_heap, n_dead_tup, autovacuum_count, pg_table_size(relid) AS heap, pg_indexes_size(relid) AS indexes
    FROM pg_stat_user_tables s JOIN grown USING (relname) WHERE schemaname = 'roughly';
SELECT format('VACUUM FULL %s', relid::regclass) FROM now \gexec
SELECT concat('| ', concat_ws(' | ', now.relname, reltuples::bigint, most_dead, n_dead_tup, autovacuum_count, pg_size_pretty(most_heap), pg_size_pretty(heap), pg_size_pretty(indexes),
                 pg_size_pretty(pg_table_size(relid)), pg_size_pretty(pg_indexes_size(relid))), ' |')
  FROM now JOIN pg_class ON oid = relid ORDER BY 1;
