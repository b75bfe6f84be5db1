-- From the first account to the last number, by every function of 0.1.0; addresses begin with :tag. Run by a superuser
-- before an upgrade and after it; what it prints is the same. $TOTP is a command that tells the code for $SECRET.
\set ON_ERROR_STOP 1
\set password '\'correct horse battery staple\''
\set other_password '\'quite another pass phrase\''
\set as_app 'SET SESSION AUTHORIZATION app;'
\set as_admin 'SET SESSION AUTHORIZATION admin;'
\set be 'BEGIN; SELECT FROM roughly_authenticate(:''session_token'');'
SELECT :'tag' || 'one@flow.example' AS one, :'tag' || 'two@flow.example' AS two, :'tag' || 'new@flow.example' AS new,
  set_config('flow.tag', :'tag', false) AS tag \gset
CREATE TEMP TABLE session (token text);
GRANT ALL ON session TO app;
-- Sends what waits; the one token among it is :token.
CREATE FUNCTION pg_temp.deliver(OUT kinds text, OUT token text) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  CREATE TEMP TABLE sent AS SELECT * FROM roughly_dequeue_mail();
  PERFORM roughly_mail_sent(id) FROM sent;
  SELECT INTO kinds, token string_agg(s.kind, ' ' ORDER BY s.kind), max(s.token) FROM sent s;
  DROP TABLE sent;
END $$;
\set deliver 'SELECT * FROM pg_temp.deliver() \\gset'

\echo [administration]
SELECT roughly.ensure_key_file();
SELECT count(*) > 0 FROM roughly_security_check();
:as_admin
SELECT roughly_hash_password(:password) AS phc \gset
SELECT roughly_verify_password(:password, :'phc'), roughly_password_needs_rehash(:'phc');
SELECT roughly_admin_block_passwords(ARRAY[:'tag' || 'password12345678']);
SELECT roughly_add_dimension(:'tag' || 'pet', 'extra.pet', '{cat,dog}');
SELECT count(roughly_admin_import_user(:'tag' || n || '@flow.example', :'phc')) FROM generate_series(1, 6) n;
SELECT roughly_admin_import_user(:'one', :'phc') AS one_id \gset
SELECT roughly_create_question('Tea?', '{yes,no}', ARRAY['gender', :'tag' || 'pet'], k => 5, min_batch => 6, growth => 0.1) AS tea \gset
SELECT roughly_create_question('Coffee?', '{yes,no}', k => 5) AS coffee \gset
SELECT roughly_add_contradiction(:'tea', 'yes', :'coffee', 'yes');

\echo [votes]
:as_app
INSERT INTO session SELECT session_token FROM generate_series(1, 6) n, roughly_log_in(:'tag' || n || '@flow.example', :password);
SELECT set_config('flow.tea', :'tea', false) AS unused \gset
DO $$
DECLARE
  voter text;
BEGIN
  FOR voter IN SELECT token FROM session LOOP
    PERFORM roughly_authenticate(voter);
    PERFORM roughly_cast_vote(current_setting('flow.tea')::uuid, 'yes');
    PERFORM roughly_sign_out_of_transaction();
  END LOOP;
END $$;
CALL roughly_log_in_committed(:'one', :password) \gset
\echo :status
BEGIN;
SELECT user_id = roughly_current_user() AND session_id = roughly_current_session() AND roughly_require_user() = roughly_require_sudo()
  FROM roughly_authenticate(:'session_token');
SELECT roughly_set_profile('{"gender": "female"}');
UPDATE roughly.user_profiles SET birth_year = 1980;
COMMIT;
:be
SELECT category FROM roughly_my_snapshot(:'tea') ORDER BY category;
SELECT roughly_cast_vote(:'coffee', 'no');
COMMIT;
:as_admin
CALL roughly_publish(:'tea');
CALL roughly_publish_due();
SELECT roughly_recount(:'tea');
SELECT roughly_close_question(:'coffee');
SELECT roughly_forget_batches(:'coffee');
SELECT slice, choice, votes, respondents, as_of FROM roughly_aggregate(:'tea') ORDER BY choice;
SELECT cardinality(by), release, cells, k, mechanism FROM roughly_release(:'tea');
SELECT prompt, state FROM roughly_questions() WHERE question IN (:'tea', :'coffee') ORDER BY prompt;
SELECT categories FROM roughly_dimensions() WHERE name = :'tag' || 'pet';

\echo [account]
:as_app
:be
SELECT email = :'one', has_password, second_factor FROM roughly_my_account();
SELECT prompt, choice FROM roughly_my_answers();
SELECT roughly_export_my_data()::text ~ 'Coffee';
COMMIT;
SELECT new_token AS session_token FROM roughly_reissue_session(:'session_token') \gset
:be
SELECT current, aal FROM roughly_my_sessions();
SELECT status, session_token FROM roughly_reauthenticate(:password) \gset
\echo :status
COMMIT;
:be
SELECT secret AS "SECRET" FROM roughly_enroll_totp() \gset
\setenv SECRET :SECRET
\set code `"$TOTP"`
SELECT status, recovery_codes[1] AS recovery FROM roughly_verify_totp(:'code') \gset
\echo :status
COMMIT;
SELECT status, session_token AS step FROM roughly_log_in(:'one', :password) \gset
\echo :status
SELECT status, session_token FROM roughly_log_in_with_code(:'step', :'recovery') \gset
\echo :status
:be
SELECT bool_and(roughly_revoke_session(session_id)) FROM roughly_my_sessions() WHERE NOT current;
SELECT roughly_remove_totp();
COMMIT;
:be
SELECT status, session_token FROM roughly_change_password(:password, :other_password) \gset
\echo :status
COMMIT;
:deliver
\echo :kinds

\echo [mail]
:be
SELECT roughly_request_reauthentication();
COMMIT;
:deliver
:be
SELECT status, session_token FROM roughly_reauthenticate_with_code(:'token') \gset
\echo :status
COMMIT;
:be
SELECT roughly_request_email_change(:'two');
COMMIT;
:deliver
SELECT roughly_change_email(:'token');
SELECT roughly_request_password_reset(:'two');
:deliver
SELECT status FROM roughly_reset_password(:'token', :password);
SELECT roughly_request_magic_link(:'two');
:deliver
SELECT status, session_token FROM roughly_log_in_with_magic_link(:'token') \gset
\echo :status
SELECT status FROM roughly_register_user(:'new', :password);
:deliver
SELECT status, user_id AS new_id FROM roughly_confirm_user(:'token', :password) \gset
\echo :status
:be
SELECT cardinality(roughly_log_out_everywhere(true));
COMMIT;
SELECT roughly_log_out(:'session_token');
SELECT session_token FROM roughly_log_in(:'two', :password) \gset
:be
SELECT roughly_delete_account(:password);
COMMIT;

\echo [people]
:as_admin
SELECT roughly_admin_ban(:'new_id');
SELECT roughly_admin_unban(:'new_id');
SELECT roughly_admin_unlock(:'new_id');
SELECT roughly_admin_revoke_sessions(:'new_id');
SELECT string_agg(DISTINCT action, ' ' ORDER BY action) FROM roughly_audit(:'new_id');
SELECT roughly_admin_delete_user(:'new_id');
SELECT roughly_purge_expired();
