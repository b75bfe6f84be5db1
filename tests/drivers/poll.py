"""What the drivers share: a connection to the poll, and what must hold at every moment."""
import psycopg


def connect(user="postgres", dbname="poll"):
    # simple statements: several in one string, and none that a pooler would have to keep apart
    return psycopg.connect(user=user, dbname=dbname, autocommit=True, prepare_threshold=None)


# Questions whose votes are not all ballots, waiting or in a batch, or in none for good: what was forgotten, and a last
# batch that was too small. A ballot in a batch takes 18 bytes and its snapshot, a block 44 more (docs/architecture.md).
CONSERVATION = """
WITH counted AS (
  SELECT q.question,
         (SELECT count(*) FROM roughly.votes v WHERE v.question_id = q.question) AS votes,
         (SELECT count(*) FROM roughly.ballots b WHERE b.question_id = q.question) AS waiting,
         (SELECT COALESCE(sum((length(b.sealed) - 44) / (18 + s.size)), 0) FROM roughly.batches b WHERE b.question_id = q.question) AS batched
    FROM roughly_questions() q JOIN roughly.questions r ON r.id = q.question,
         LATERAL (SELECT COALESCE(sum(CASE d.kind WHEN 'codes' THEN 16 ELSE 1 END), 0) AS size FROM roughly_dimensions() d WHERE d.name = ANY (q.dimensions)) s
   WHERE r.state <> 'counted' AND (SELECT count(DISTINCT b.batch_no) FROM roughly.batches b WHERE b.question_id = q.question) = r.batch)
SELECT * FROM counted WHERE votes <> waiting + batched"""


def tables(db):
    return [name for name, in db.execute("SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'roughly'::regnamespace AND relkind = 'r' ORDER BY 1")]


def digests(tables):
    """SQL for a digest of the rows of each table."""
    return "SELECT " + ", ".join(f"(SELECT md5(string_agg(t::text, ',' ORDER BY t::text COLLATE \"C\")) FROM {table} t)" for table in tables)
