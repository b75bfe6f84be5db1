-- Profiles, and the dimensions made from them.
CREATE TABLE roughly.user_profiles (
  id              uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  user_id         uuid NOT NULL UNIQUE DEFAULT @extschema@.roughly_current_user() REFERENCES roughly.users ON DELETE CASCADE,
  birth_year      integer CHECK (birth_year BETWEEN 1900 AND 2100),
  country         text CHECK (pg_catalog.octet_length(country) BETWEEN 1 AND 100),
  region          text CHECK (pg_catalog.octet_length(region) BETWEEN 1 AND 100),
  gender          text CHECK (pg_catalog.octet_length(gender) BETWEEN 1 AND 100),
  education_level text CHECK (pg_catalog.octet_length(education_level) BETWEEN 1 AND 100),
  income_bracket  text CHECK (pg_catalog.octet_length(income_bracket) BETWEEN 1 AND 100),
  extra           jsonb NOT NULL DEFAULT '{}'
    CHECK (pg_catalog.jsonb_typeof(extra) = 'object' AND pg_catalog.octet_length(extra::text) <= 8192),
  inserted_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at      timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE roughly.user_profiles IS 'demographics; a person reads and writes their own row';
COMMENT ON COLUMN roughly.user_profiles.extra IS 'further values by key, for dimensions with source extra.KEY';
SELECT pg_catalog.pg_extension_config_dump('roughly.user_profiles', '');

CREATE TABLE roughly.dimensions (
  name       text PRIMARY KEY,
  source     text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('categories', 'bands', 'codes')),
  categories text[] CHECK ((categories IS NOT NULL) = (kind = 'categories')),
  edges      bigint[] CHECK ((edges IS NOT NULL) = (kind = 'bands')),
  label      text NOT NULL,
  builtin    boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE roughly.dimensions IS 'coarse demographics; a question freezes the ones it uses';
COMMENT ON COLUMN roughly.dimensions.edges IS 'bands: lower bounds of all bands but the first, ascending';
SELECT pg_catalog.pg_extension_config_dump('roughly.dimensions', 'WHERE NOT builtin');

INSERT INTO roughly.dimensions (name, source, kind, categories, edges, label, builtin) VALUES
  ('age_band', 'age', 'bands', NULL, '{18,25,35,45,55,65}', 'age', true),
  ('country', 'country', 'codes', NULL, NULL, 'country (ISO 3166-1 alpha-2)', true),
  ('region', 'region', 'codes', NULL, NULL, 'region (ISO 3166-2)', true),
  ('gender', 'gender', 'categories', '{female,male,non_binary,other}', NULL, 'gender', true),
  ('education_level', 'education_level', 'categories',
    '{none,primary,lower_secondary,upper_secondary,post_secondary,bachelor,master,doctorate}', NULL, 'highest education', true),
  ('income_bracket', 'income_bracket', 'categories', '{lowest,low,middle,high,highest}', NULL, 'income, fifths of the population', true),
  ('answer_quality', 'answers', 'categories', '{low,medium,high}', NULL, 'pattern of earlier answers', true);

CREATE FUNCTION roughly_set_profile(profile jsonb) RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_set_profile(jsonb) IS
  'Changes one''s own profile. A key that is absent stays, a null is cleared; keys: birth_year, country, region, gender, education_level, income_bracket, extra (an object). Errors: RA001, 22023 unknown key, or a value that is not a category (the hint lists them), 25001 after a vote in the same transaction.';

CREATE FUNCTION roughly.may_write_account() RETURNS boolean
  AS 'MODULE_PATHNAME', 'roughly_may_write_account' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly.may_write_account() IS
  'True, unless this transaction has cast a vote (25001): rows written together could be linked. For policies.';

CREATE FUNCTION roughly_add_dimension(name text, source text, categories text[] DEFAULT NULL, edges bigint[] DEFAULT NULL, label text DEFAULT NULL)
  RETURNS void
  AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_add_dimension(text, text, text[], bigint[], text) IS
  'Defines a dimension for later questions. source: age, a profile column, or extra.KEY. categories: 1 to 254 of up to 100 bytes; or edges: bands of a whole number; or neither: short codes of up to 16 bytes. Errors: 22023, 23505 the name is taken.';

CREATE FUNCTION roughly_dimensions(OUT name text, OUT source text, OUT kind text, OUT categories text[], OUT label text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_dimensions() IS
  'The dimensions questions can use, with their categories (null for codes). Everybody may also be "not stated".';

CREATE FUNCTION roughly_my_snapshot(question uuid, OUT dimension text, OUT category text) RETURNS SETOF record
  AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION roughly_my_snapshot(uuid) IS
  'The categories that a vote cast now would carry. Errors: RA001, 42704 unknown question, 22023 a profile value the question does not know.';
