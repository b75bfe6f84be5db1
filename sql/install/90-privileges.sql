-- Who owns and who may. Everything belongs to roughly_owner; every table has FORCEd row-level security, so that even
-- the owner sees nothing outside our C++. No statistics: pg_statistic keeps samples of rows for whoever reads catalogs.
DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT c.oid::regclass AS relation, c.relkind, p.oid::regprocedure AS routine, p.proacl IS NULL AS everybody_may_run,
           p.oid IN ('@extschema@.roughly_aggregate(uuid, text[])'::regprocedure, '@extschema@.roughly_release(uuid)'::regprocedure,
                     '@extschema@.roughly_questions()'::regprocedure, '@extschema@.roughly_current_user()'::regprocedure) AS is_for_everybody
      FROM pg_catalog.pg_depend d
      LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::regclass AND c.oid = d.objid
      LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::regclass AND p.oid = d.objid
     WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
       AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'roughly_auth')
       AND (c.relkind = 'r' OR p.oid IS NOT NULL)
  LOOP
    IF member.relkind = 'r' THEN
      EXECUTE pg_catalog.format('ALTER TABLE %s OWNER TO roughly_owner, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', member.relation);
      -- ALTER COLUMN SET STATISTICS does the same, but reads the whole table's description anew for every column.
      UPDATE pg_catalog.pg_attribute SET attstattarget = 0 WHERE attrelid = member.relation AND attnum > 0;
    ELSE
      EXECUTE pg_catalog.format('ALTER ROUTINE %s OWNER TO roughly_owner', member.routine);
      IF NOT member.is_for_everybody THEN
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', member.routine);
      ELSIF NOT member.everybody_may_run THEN -- by default privileges. Else there is no list, which every call would look into
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO PUBLIC', member.routine);
      END IF;
    END IF;
  END LOOP;
END $$;

-- Own rows. Not "(SELECT roughly_current_user())", which EXPLAIN shows as never executed where a leakproof condition of the
-- caller's, which runs first, has found no row: that would tell which addresses and profiles there are.
CREATE POLICY own_user ON roughly.users FOR SELECT TO roughly_app
  USING (id = @extschema@.roughly_current_user());
CREATE POLICY own_profile ON roughly.user_profiles FOR SELECT TO roughly_app
  USING (user_id = @extschema@.roughly_current_user());
CREATE POLICY insert_own_profile ON roughly.user_profiles FOR INSERT TO roughly_app
  WITH CHECK (user_id = @extschema@.roughly_current_user() AND roughly.may_write_account());
CREATE POLICY update_own_profile ON roughly.user_profiles FOR UPDATE TO roughly_app
  USING (user_id = @extschema@.roughly_current_user())
  WITH CHECK (user_id = @extschema@.roughly_current_user() AND roughly.may_write_account());

GRANT SELECT (id, email, confirmed_at, inserted_at, updated_at), REFERENCES (id) ON roughly.users TO roughly_app;
GRANT SELECT,
      INSERT (birth_year, country, region, gender, education_level, income_bracket, extra),
      UPDATE (birth_year, country, region, gender, education_level, income_bracket, extra)
  ON roughly.user_profiles TO roughly_app;

-- The application.
GRANT EXECUTE ON FUNCTION
  roughly_register_user(text, text), roughly_confirm_user(text, text),
  roughly_log_in(text, text, text, inet), roughly_request_magic_link(text), roughly_log_in_with_magic_link(text, text, inet),
  roughly_log_in_with_code(text, text, text, inet), roughly_log_out(text), roughly_log_out_everywhere(boolean),
  roughly_my_sessions(), roughly_revoke_session(uuid), roughly_reissue_session(text),
  roughly_authenticate(text), roughly_current_session(),
  roughly_require_user(), roughly_require_sudo(interval), roughly_sign_out_of_transaction(), roughly.may_write_account(),
  roughly_reauthenticate(text), roughly_request_reauthentication(), roughly_reauthenticate_with_code(text),
  roughly_change_password(text, text), roughly_request_password_reset(text), roughly_reset_password(text, text),
  roughly_request_email_change(text), roughly_change_email(text), roughly_delete_account(text),
  roughly_enroll_totp(), roughly_verify_totp(text), roughly_remove_totp(),
  roughly_my_account(), roughly_export_my_data(), roughly.export_my_data(jsonb),
  roughly_set_profile(jsonb), roughly_my_snapshot(uuid), roughly_cast_vote(uuid, text), roughly_my_answers(uuid[])
  TO roughly_app;
GRANT EXECUTE ON PROCEDURE roughly_log_in_committed(text, text, text, inet, text, text, uuid, uuid, timestamptz, interval) TO roughly_app;
GRANT EXECUTE ON FUNCTION
  roughly_dimensions(), roughly_hash_password(text), roughly_verify_password(text, text), roughly_password_needs_rehash(text)
  TO roughly_app, roughly_admin;

-- The administration.
GRANT EXECUTE ON FUNCTION
  roughly_admin_import_user(text, text, timestamptz), roughly_admin_delete_user(uuid), roughly_admin_ban(uuid, timestamptz),
  roughly_admin_unban(uuid), roughly_admin_revoke_sessions(uuid), roughly_admin_unlock(uuid), roughly_admin_block_passwords(text[]),
  roughly_purge_expired(integer), roughly_audit(uuid), roughly_security_check(), roughly_add_dimension(text, text, text[], bigint[], text),
  roughly_create_question(text, text[], text[], integer, integer, double precision, interval, integer, integer, boolean, interval, timestamptz, timestamptz,
    double precision, text, interval, integer), roughly_add_contradiction(uuid, text, uuid, text),
  roughly_close_question(uuid), roughly_recount(uuid), roughly_forget_batches(uuid), roughly_key_status(), roughly_check(), roughly_status()
  TO roughly_admin;
GRANT EXECUTE ON PROCEDURE roughly_publish(uuid), roughly_publish_due(), roughly_rotate_key() TO roughly_admin;

-- Nobody: roughly_distribute and roughly_partition, which do what only superusers may; and what a node does for the
-- database whose votes it keeps, until its administrator says for whom.

-- The mailer.
GRANT EXECUTE ON FUNCTION roughly_dequeue_mail(integer), roughly_mail_sent(uuid) TO roughly_mailer;
