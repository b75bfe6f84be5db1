-- A second factor: codes of an authenticator app, recovery codes.
\set VERBOSITY default
\set SHOW_CONTEXT never
\set state '\\echo SQLSTATE :SQLSTATE'
SET client_min_messages = warning;
CREATE EXTENSION roughly_auth;
CREATE ROLE regress_app LOGIN IN ROLE roughly_app;
CREATE ROLE regress_admin LOGIN IN ROLE roughly_admin;
\pset null '(null)'
\set refill 'SELECT count(setval((\'roughly.throttle_\' || n)::regclass, 1)) AS clocks FROM generate_series(0, 255) n \\gset'

-- The app: TOTP (RFC 6238) by SHA-1, 30 seconds, 6 digits.
CREATE FUNCTION sha1(message bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  h bigint[] := ARRAY[x'67452301'::bigint, x'efcdab89'::bigint, x'98badcfe'::bigint, x'10325476'::bigint, x'c3d2e1f0'::bigint];
  padded bytea := message || '\x80'::bytea;
  mask constant bigint := 4294967295;
  w bigint[]; v bigint[]; t bigint; f bigint; k bigint;
BEGIN
  padded := padded || decode(repeat('00', (120 - length(padded) % 64) % 64), 'hex') || int8send(length(message) * 8::bigint);
  FOR block IN 0 .. length(padded) / 64 - 1 LOOP
    w := '{}';
    FOR i IN 0 .. 79 LOOP
      IF i < 16 THEN
        w[i] := ('x' || encode(substr(padded, block * 64 + i * 4 + 1, 4), 'hex'))::bit(32)::bigint;
      ELSE
        t := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
        w[i] := ((t << 1) | (t >> 31)) & mask;
      END IF;
    END LOOP;
    v := h;
    FOR i IN 0 .. 79 LOOP
      IF i < 20 THEN f := (v[2] & v[3]) | (~v[2] & mask & v[4]); k := x'5a827999'::bigint;
      ELSIF i < 40 THEN f := v[2] # v[3] # v[4]; k := x'6ed9eba1'::bigint;
      ELSIF i < 60 THEN f := (v[2] & v[3]) | (v[2] & v[4]) | (v[3] & v[4]); k := x'8f1bbcdc'::bigint;
      ELSE f := v[2] # v[3] # v[4]; k := x'ca62c1d6'::bigint;
      END IF;
      t := ((((v[1] << 5) | (v[1] >> 27)) & mask) + f + v[5] + k + w[i]) & mask;
      v := ARRAY[t, v[1], ((v[2] << 30) | (v[2] >> 2)) & mask, v[3], v[4]];
    END LOOP;
    FOR i IN 1 .. 5 LOOP h[i] := (h[i] + v[i]) & mask; END LOOP;
  END LOOP;
  RETURN (SELECT string_agg(substr(int8send(part), 5), '' ORDER BY n) FROM unnest(h) WITH ORDINALITY u (part, n));
END $$;
SELECT encode(sha1('abc'), 'hex') = 'a9993e364706816aba3e25717850c26c9cd0d89d' AS "SHA-1";
CREATE FUNCTION totp(secret text, steps_from_now int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  bits text := (SELECT string_agg((strpos('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', c) - 1)::bit(5)::text, '' ORDER BY n) FROM regexp_split_to_table(secret, '') WITH ORDINALITY s (c, n));
  key bytea := (SELECT string_agg(decode(lpad(to_hex(substr(bits, 8 * i + 1, 8)::bit(8)::int), 2, '0'), 'hex'), '' ORDER BY i) FROM generate_series(0, length(bits) / 8 - 1) i);
  step bigint := floor(extract(epoch FROM clock_timestamp()) / 30) + steps_from_now;
  inner_pad bytea := ''; outer_pad bytea := ''; mac bytea; place int;
BEGIN
  key := key || decode(repeat('00', 64 - length(key)), 'hex');
  FOR i IN 0 .. 63 LOOP
    inner_pad := inner_pad || decode(lpad(to_hex(get_byte(key, i) # 54), 2, '0'), 'hex');
    outer_pad := outer_pad || decode(lpad(to_hex(get_byte(key, i) # 92), 2, '0'), 'hex');
  END LOOP;
  mac := sha1(outer_pad || sha1(inner_pad || int8send(step)));
  place := get_byte(mac, 19) & 15;
  RETURN lpad(((('x' || encode(substr(mac, place + 1, 4), 'hex'))::bit(32)::bigint & 2147483647) % 1000000)::text, 6, '0');
END $$;

SELECT roughly_hash_password('correct horse') AS hash \gset
SELECT roughly_admin_import_user('ada@example.org', :'hash') AS ada \gset
SELECT roughly_admin_import_user('bob@example.org', :'hash') AS bob \gset
SELECT session_token AS token, session_id AS session FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SET SESSION AUTHORIZATION regress_app;

-- Nobody, and somebody who has not proved it just now.
SELECT roughly_enroll_totp(); :state
SELECT roughly_verify_totp('123456'); :state
SELECT roughly_remove_totp(); :state
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET authenticated_at = now() - interval '11 minutes' WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SAVEPOINT s;
SELECT roughly_enroll_totp(); :state
ROLLBACK TO s;
SELECT roughly_remove_totp(); :state
ROLLBACK;
RESET SESSION AUTHORIZATION;
UPDATE roughly.user_tokens SET authenticated_at = now() WHERE id = :'session';
SET SESSION AUTHORIZATION regress_app;

-- Enrolment: a secret, and the first code.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT roughly_remove_totp() AS "nothing to remove";
SELECT * FROM roughly_verify_totp('123456');
SELECT secret AS unused FROM roughly_enroll_totp() \gset
SELECT secret, uri FROM roughly_enroll_totp() \gset
SELECT :'secret' ~ '^[A-Z2-7]{32}$' AS base32, :'secret' <> :'unused' AS another,
       replace(:'uri', :'secret', '...') AS uri;
SELECT second_factor FROM roughly_my_account();
SELECT * FROM roughly_verify_totp('');
SELECT * FROM roughly_verify_totp('12345');
SELECT * FROM roughly_verify_totp('seven letters');
SELECT * FROM roughly_verify_totp(repeat('1', 1000000));
SELECT * FROM roughly_verify_totp(totp(:'unused', 0));
SELECT * FROM roughly_verify_totp(totp(:'secret', -5));
SAVEPOINT s;
SELECT * FROM roughly_verify_totp(NULL); :state
ROLLBACK TO s;
COMMIT;
SELECT status FROM roughly_log_in('ada@example.org', 'correct horse') AS "not yet";
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT status, recovery_codes FROM roughly_verify_totp(totp(:'secret', 0)) \gset
SELECT :'status' AS status, cardinality(:'recovery_codes'::text[]) AS codes, (SELECT bool_and(c ~ '^[A-Z2-7]{16}$') FROM unnest(:'recovery_codes'::text[]) c) AS base32,
       (SELECT count(DISTINCT c) FROM unnest(:'recovery_codes'::text[]) c) AS "different";
SELECT second_factor FROM roughly_my_account();
SELECT * FROM roughly_verify_totp(totp(:'secret', 1));
SELECT roughly_enroll_totp(); :state
ROLLBACK;
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'token');
SELECT totp(:'secret', 0) AS verified \gset
SELECT status, recovery_codes FROM roughly_verify_totp(:'verified') \gset
SELECT :'status' AS status;
COMMIT;
SELECT (:'recovery_codes'::text[])[1] AS recovery, lower((:'recovery_codes'::text[])[2]) AS recovery2 \gset

-- Log-in takes two steps now.
SELECT * FROM roughly_log_in_with_code(NULL, '123456'); :state
SELECT * FROM roughly_log_in_with_code('x', NULL); :state
SELECT * FROM roughly_log_in_with_code('x', '123456');
SELECT * FROM roughly_log_in_with_code('', '');
SELECT * FROM roughly_log_in_with_code(:'token', totp(:'secret', 1));
SELECT status, session_id IS NULL AS no_session, session_token AS half, user_id AS who, expires_at AS half_until FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT :'status' AS status, :'no_session' AS "no session", :'who' = :'ada' AS ada, :'half_until'::timestamptz - now() BETWEEN interval '4 minutes' AND interval '5 minutes' AS "for five minutes";
SELECT user_id AS "no session" FROM roughly_authenticate(:'half');
SELECT * FROM roughly_log_in_with_code(:'half', '');
SELECT * FROM roughly_log_in_with_code(:'half', 'wrong code');
SELECT * FROM roughly_log_in_with_code(:'half', :'verified');
RESET SESSION AUTHORIZATION;
:refill
SET SESSION AUTHORIZATION regress_app;
SELECT totp(:'secret', 1) AS code \gset
SELECT status, session_token AS strong, session_id AS strong_session FROM roughly_log_in_with_code(:'half', :'code', 'psql', '192.0.2.1') \gset
SELECT :'status' AS status;
SELECT user_id = :'ada' AS ada, aal, expires_at - now() BETWEEN interval '23 hours' AND interval '1 day' AS "for a day" FROM roughly_authenticate(:'strong');
SELECT * FROM roughly_log_in_with_code(:'half', :'code');
-- The same code does not serve twice, a recovery code serves once, in any case and with dashes.
SELECT session_token AS half FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT * FROM roughly_log_in_with_code(:'half', :'code');
SELECT status, session_id IS NOT NULL AS session FROM roughly_log_in_with_code(:'half', left(:'recovery2', 8) || '-' || substr(:'recovery2', 9));
SELECT session_token AS half FROM roughly_log_in('ada@example.org', 'correct horse') \gset
SELECT status, session_id IS NOT NULL AS session FROM roughly_log_in_with_code(:'half', :'recovery2');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS "codes left" FROM roughly.recovery_codes WHERE user_id = :'ada';
-- Another's recovery code is nothing; the digest is bound to the person.
UPDATE roughly.recovery_codes SET user_id = :'bob' WHERE user_id = :'ada';
:refill
SET SESSION AUTHORIZATION regress_app;
SELECT status, session_id IS NOT NULL AS session FROM roughly_log_in_with_code(:'half', :'recovery');
RESET SESSION AUTHORIZATION;
UPDATE roughly.recovery_codes SET user_id = :'ada' WHERE user_id = :'bob';
:refill
SET SESSION AUTHORIZATION regress_app;
-- Five tries, then one a minute.
SELECT n, status, retry_after > '0' AS wait FROM generate_series(1, 7) n, LATERAL roughly_log_in_with_code(:'half', 'wrong' || n) ORDER BY n;
RESET SESSION AUTHORIZATION;
:refill
-- The half-way token lapses, and a sealed secret put into another row does not open.
UPDATE roughly.user_tokens SET expires_at = now() WHERE context = 'second_factor';
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM roughly_log_in_with_code(:'half', :'recovery');
SELECT session_token AS half FROM roughly_log_in('ada@example.org', 'correct horse') \gset
RESET SESSION AUTHORIZATION;
BEGIN;
UPDATE roughly.mfa_factors SET id = '00000000-0000-4000-8000-000000000001';
SELECT * FROM roughly_log_in_with_code(:'half', totp(:'secret', 1)); :state
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;

-- Eight characters are enough for a password now.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'strong');
SELECT * FROM roughly_change_password('correct horse', 'sevench');
SELECT status FROM roughly_change_password('correct horse', 'eight ch');
COMMIT;
SELECT status, session_token AS half FROM roughly_log_in('ada@example.org', 'eight ch') \gset
SELECT :'status' AS status;
SELECT status, session_token AS strong FROM roughly_log_in_with_code(:'half', :'recovery') \gset
SELECT :'status' AS status;
-- Removed, one step is enough again.
BEGIN;
SELECT user_id = :'ada' AS ada FROM roughly_authenticate(:'strong');
SELECT roughly_remove_totp();
SELECT roughly_remove_totp() AS again;
COMMIT;
SELECT status, session_id IS NOT NULL AS session FROM roughly_log_in('ada@example.org', 'eight ch');
RESET SESSION AUTHORIZATION;
SELECT (SELECT count(*) FROM roughly.mfa_factors) AS factors, (SELECT count(*) FROM roughly.recovery_codes) AS codes;

-- For the application only.
SET SESSION AUTHORIZATION regress_admin;
SELECT roughly_enroll_totp(); :state
SELECT roughly_verify_totp('123456'); :state
SELECT roughly_remove_totp(); :state
SELECT roughly_log_in_with_code('x', '123456'); :state
RESET SESSION AUTHORIZATION;

-- Arguments of another type, too few or too many, are PostgreSQL's to refuse.
\set VERBOSITY sqlstate
SELECT roughly_enroll_totp('x');
SELECT roughly_verify_totp();
SELECT roughly_verify_totp(123456);
SELECT roughly_remove_totp('x');
SELECT roughly_log_in_with_code('x');
SELECT roughly_log_in_with_code('x', 123456);
\set VERBOSITY default

DROP FUNCTION totp, sha1;
DROP ROLE regress_app, regress_admin;
DROP EXTENSION roughly_auth;
