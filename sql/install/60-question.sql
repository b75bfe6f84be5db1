-- Questions and everything counted for them. One group by question: every key holds the question's id, no sequence, no
-- trigger, no reference to accounts.
CREATE TABLE roughly.questions (
  id                uuid PRIMARY KEY,
  prompt            text NOT NULL,
  choices           text[] NOT NULL,
  dimensions        bytea NOT NULL,
  k                 integer NOT NULL CHECK (k >= 2),
  max_rank          integer NOT NULL,
  min_batch         integer NOT NULL CHECK (min_batch >= k),
  growth            double precision NOT NULL,
  max_wait          interval,
  max_dims          integer NOT NULL,
  require_confirmed boolean NOT NULL,
  min_account_age   interval NOT NULL,
  epsilon           double precision CHECK (epsilon BETWEEN 0.1 AND 10),
  receipts          text NOT NULL CHECK (receipts IN ('truth', 'sent', 'none')),
  witness_account_age interval NOT NULL,
  witness_daily_votes integer,
  opens_at          timestamptz NOT NULL,
  closes_at         timestamptz,
  state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'counted')),
  batch             integer NOT NULL DEFAULT 0,
  release           integer NOT NULL DEFAULT 0 CHECK (release BETWEEN 0 AND batch),
  released_at       timestamptz,
  policy_seal       bytea NOT NULL,
  inserted_at       timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.questions IS 'questions; their policy and definitions never change';
COMMENT ON COLUMN roughly.questions.dimensions IS 'packed definitions, frozen when the question was created';
COMMENT ON COLUMN roughly.questions.policy_seal IS 'choices, dimensions and policy under the question key, so that nobody can change them';
COMMENT ON COLUMN roughly.questions.batch IS 'the last frozen batch';
COMMENT ON COLUMN roughly.questions.release IS 'the last released batch';
SELECT pg_catalog.pg_extension_config_dump('roughly.questions', '');

CREATE TABLE roughly.votes (
  question_id uuid NOT NULL,
  voter_tag   uuid NOT NULL,
  receipt     bytea NOT NULL,
  PRIMARY KEY (question_id, voter_tag)
);
COMMENT ON TABLE roughly.votes IS 'who has voted, as tags only their own secret can make, with receipts only it can open';
ALTER TABLE roughly.votes ALTER receipt SET STORAGE PLAIN;
SELECT pg_catalog.pg_extension_config_dump('roughly.votes', '');

CREATE TABLE roughly.ballots (
  question_id uuid NOT NULL,
  id          uuid NOT NULL,
  sealed      bytea NOT NULL,
  PRIMARY KEY (question_id, id)
);
COMMENT ON TABLE roughly.ballots IS 'sealed choice and snapshot, without any link to the voter, waiting to be counted';
ALTER TABLE roughly.ballots ALTER sealed SET STORAGE PLAIN;
SELECT pg_catalog.pg_extension_config_dump('roughly.ballots', '');

CREATE TABLE roughly.batches (
  question_id uuid NOT NULL REFERENCES roughly.questions,
  batch_no    integer NOT NULL,
  block_no    integer NOT NULL,
  blocks      integer NOT NULL,
  sealed      bytea NOT NULL,
  PRIMARY KEY (question_id, batch_no, block_no)
);
COMMENT ON TABLE roughly.batches IS 'ballots frozen together: shuffled, sealed again in blocks; kept for roughly_recount';
ALTER TABLE roughly.batches ALTER sealed SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.batches', '');

CREATE TABLE roughly.tallies (
  question_id uuid PRIMARY KEY REFERENCES roughly.questions,
  sealed      bytea NOT NULL
);
COMMENT ON TABLE roughly.tallies IS 'sealed cumulative counts, bound to the release number';
ALTER TABLE roughly.tallies ALTER sealed SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.tallies', '');

CREATE TABLE roughly.releases (
  question_id  uuid NOT NULL REFERENCES roughly.questions,
  view         text[] NOT NULL,
  release_no   integer NOT NULL,
  cells        bytea NOT NULL,
  published_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (question_id, view, release_no)
) WITH (toast_tuple_target = 8160);
COMMENT ON TABLE roughly.releases IS 'what has been published, and all that reading needs; rows are only ever added';
COMMENT ON COLUMN roughly.releases.view IS 'names of the view''s dimensions, sorted bytewise';
COMMENT ON COLUMN roughly.releases.cells IS 'packed; release 0 of the total says what the question is and publishes nothing';
ALTER TABLE roughly.releases ALTER cells SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('roughly.releases', '');

CREATE FUNCTION roughly_create_question(prompt text, choices text[], dimensions text[] DEFAULT '{}', k integer DEFAULT 10,
    min_batch integer DEFAULT NULL, growth double precision DEFAULT 0.5, max_wait interval DEFAULT '1 day',
    max_dims integer DEFAULT 2, max_rank integer DEFAULT 512, require_confirmed boolean DEFAULT true,
    min_account_age interval DEFAULT '0', opens_at timestamptz DEFAULT NULL, closes_at timestamptz DEFAULT NULL,
    epsilon double precision DEFAULT NULL, receipts text DEFAULT 'truth',
    witness_account_age interval DEFAULT '0', witness_daily_votes integer DEFAULT NULL)
  RETURNS uuid
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_create_question(text, text[], text[], integer, integer, double precision, interval, integer, integer, boolean, interval, timestamptz, timestamptz, double precision, text, interval, integer) IS
  'Makes a question and returns its id. 2 to 64 choices; up to 8 dimensions by name; k at least roughly_auth.min_k; a batch is counted when min_batch (default 2 k) ballots wait and they are growth times those counted before, or max_wait has passed (null: never by time; growth Infinity: never by growth). epsilon, from 0.1 to 10: randomised response, so that what is counted is the choice cast with probability e^epsilon / (e^epsilon + choices - 1), any other else; receipts keep the truth, what was sent, or none. Witnesses, on whom the release rule rests, are confirmed accounts at least witness_account_age old that have answered fewer than witness_daily_votes questions that day. Nothing of it can be changed later. Errors: 22023, 22001, 22004, 42704 unknown dimension.';

CREATE TABLE roughly.contradictions (
  question_id  uuid NOT NULL,
  choice       text NOT NULL,
  other_id     uuid NOT NULL,
  other_choice text NOT NULL,
  PRIMARY KEY (question_id, choice, other_id, other_choice)
);
COMMENT ON TABLE roughly.contradictions IS 'pairs of answers that exclude each other, as authors of questions declare; for the dimension answer_quality';
SELECT pg_catalog.pg_extension_config_dump('roughly.contradictions', '');

CREATE FUNCTION roughly_add_contradiction(question uuid, choice text, other_question uuid, other_choice text) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_add_contradiction(uuid, text, uuid, text) IS
  'Declares that nobody who answers carefully gives both answers. Whoever has given both has a low answer_quality from then on. Errors: 42704 unknown question, 22023 unknown choice, 22004.';

CREATE FUNCTION roughly_close_question(question uuid) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_close_question(uuid) IS
  'Ends voting, after waiting for votes under way. The next roughly_publish counts the last batch. Errors: 42704, 55000 closed already.';

CREATE FUNCTION roughly_questions(OUT question uuid, OUT prompt text, OUT choices text[], OUT dimensions text[], OUT k integer,
    OUT max_dims integer, OUT state text, OUT opens_at timestamptz, OUT closes_at timestamptz,
    OUT epsilon double precision, OUT receipts text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_questions() IS
  'All questions; state: scheduled, open or closed. Nothing about how many have voted.';
