-- Reading: releases and nothing else.
CREATE FUNCTION roughly_aggregate(question uuid, by text[] DEFAULT '{}', OUT slice jsonb, OUT choice text, OUT votes bigint, OUT respondents bigint,
    OUT share double precision, OUT low double precision, OUT high double precision, OUT as_of integer) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 50;
COMMENT ON FUNCTION roughly_aggregate(uuid, text[]) IS
  'What has been published of a question by these dimensions: a row for every published cell and choice, with its share and a 95 % Wilson interval (0 to 1), and the release that published it. With randomised response votes are those counted, and share estimates the true share without bias, so it may lie outside of its interval and of 0 to 1. Cells that may not be shown are absent. Errors: 42704 unknown question or dimension, 22023 more dimensions than the question is published by.';

CREATE FUNCTION roughly_release(question uuid, OUT by text[], OUT release integer, OUT published_at timestamptz, OUT cells integer, OUT k integer,
    OUT rule text, OUT mechanism text, OUT epsilon double precision) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 20
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_release(uuid) IS
  'Which views have been published, in which release last, when, with how many cells, under which rule, and how choices were counted: exact counts, or randomised response with its epsilon. Errors: 42704 unknown question.';
