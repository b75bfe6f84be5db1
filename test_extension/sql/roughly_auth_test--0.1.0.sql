\echo Use "CREATE EXTENSION roughly_auth_test" to load this file. \quit

-- Accounts with a password that everybody can read below. They log in like all others: nothing here makes an identity
-- without a session, and nobody but a superuser may call it. Never for production.

CREATE FUNCTION roughly_test_user(email text, profile jsonb DEFAULT '{}') RETURNS uuid
  LANGUAGE plpgsql VOLATILE STRICT
AS $$
DECLARE
  made uuid := roughly_admin_import_user(email, -- of the password in roughly_test_act_as, so that only log-ins take time
    '$argon2id$v=19$m=19456,t=2,p=1$aa7sFHXsljwH5VXGUdU7zw$XghL/zEiy6V9IXRlhBX66JM89G+Q14pRPgHbnpFhEkk');
BEGIN
  IF profile <> '{}' THEN
    PERFORM roughly_test_act_as(email);
    PERFORM roughly_set_profile(profile);
    PERFORM roughly_sign_out_of_transaction();
  END IF;
  RETURN made;
END $$;
COMMENT ON FUNCTION roughly_test_user(text, jsonb) IS
  'Makes a confirmed account with the test password; returns its id. With a profile nobody is acting afterwards. Tests only.';

CREATE FUNCTION roughly_test_act_as(email text) RETURNS uuid
  LANGUAGE plpgsql VOLATILE STRICT
AS $$
DECLARE
  opened record;
BEGIN
  PERFORM roughly_sign_out_of_transaction();
  opened := roughly_log_in(email, 'for tests, not for production');
  IF opened.status <> 'ok' THEN
    RAISE EXCEPTION 'roughly_test_act_as: log-in answered %', opened.status
      USING HINT = 'Make the account with roughly_test_user(email).';
  END IF;
  RETURN (SELECT a.user_id FROM roughly_authenticate(opened.session_token) a);
END $$;
COMMENT ON FUNCTION roughly_test_act_as(text) IS
  'Logs the account in with the test password and authenticates; from here on it acts, until the transaction ends or somebody else does. Tests only.';

CREATE FUNCTION roughly_test_vote(email text, question uuid, choice text) RETURNS void
  LANGUAGE plpgsql VOLATILE STRICT
AS $$
BEGIN
  PERFORM roughly_test_act_as(email);
  PERFORM roughly_cast_vote(question, choice);
  PERFORM roughly_sign_out_of_transaction();
END $$;
COMMENT ON FUNCTION roughly_test_vote(text, uuid, text) IS
  'Acts as the account and votes; nobody is acting afterwards. Needs SET LOCAL roughly_auth.isolate_votes = off (superuser) in a transaction that rolls back: the log-in and the vote share it. Tests only.';

DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOREACH routine IN ARRAY ARRAY['roughly_test_user(text, jsonb)', 'roughly_test_act_as(text)', 'roughly_test_vote(text, uuid, text)']::regprocedure[] LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, %I, pg_temp', routine, '@extschema@',
      (SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'roughly_auth'));
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
  END LOOP;
END $$;
