#!/usr/bin/env bash
# DROP EXTENSION leaves nothing but roles and the key file, and CREATE EXTENSION begins anew. What happens when a key file
# is lost and somebody creates the extension again.
set -u
source "$(dirname "$0")/lib.sh"

start_poll one
make_people 6
q=$(ask_question)
vote "$q" 1 6 tea
publish "$q"
sql -c 'CREATE TABLE orders (id integer PRIMARY KEY, buyer uuid REFERENCES roughly.users ON DELETE SET NULL)' \
  -c 'INSERT INTO orders SELECT row_number() OVER (), id FROM roughly.users'
open_session S
ask S "BEGIN; SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}'); COMMIT;" > "$work/out"
is "$(< "$work/out")" t "control: a session that has used the functions"
made=$(md5sum < "$key_file") old_question=$q

# --- dropped
like "$(error -c 'DROP EXTENSION roughly_auth')" '^ERROR:  2BP01:.*orders_buyer_fkey' "what refers to accounts keeps the extension"
like "$(error -U admin -c 'DROP EXTENSION roughly_auth CASCADE')" '^ERROR:  42501: must be owner of extension' "the administration cannot drop it"
is "$(respondents "$q")" 6 "nothing is lost by trying"
sql -c 'DROP EXTENSION roughly_auth CASCADE' 2> /dev/null
is "$(sql -c 'SELECT count(buyer) FROM orders')" 6 "CASCADE takes the foreign key, not the application's rows"
is "$(sql <<'SQL'
SELECT 'class', relname FROM pg_class WHERE relname ~ '^roughly|throttle' UNION ALL
SELECT 'routine', proname FROM pg_proc WHERE proname ~ '^roughly' UNION ALL
SELECT 'schema', nspname FROM pg_namespace WHERE nspname ~ '^roughly' UNION ALL
SELECT 'constraint', conname FROM pg_constraint WHERE conname ~ 'buyer' UNION ALL
SELECT 'privileges', i::text FROM pg_init_privs i WHERE initprivs::text ~ 'roughly' UNION ALL
SELECT 'dependency of a role', d::text FROM pg_shdepend d JOIN pg_roles r ON refclassid = 'pg_authid'::regclass AND refobjid = r.oid WHERE rolname ~ '^roughly'
SQL
)" '' "nothing else of it is left"
is "$(md5sum < "$key_file")" "$made" "the key file stays"
like "$(ask S "SELECT * FROM roughly_authenticate('${token[1]}');")" '^ERROR:  42883' "an open session is told"

# --- made again
sql -c 'CREATE EXTENSION roughly_auth'
is "$(sql -c 'SELECT count(*) FROM roughly.keys')$(md5sum < "$key_file")" "0$made" "the same key file, not used yet"
is "$(ask S "SELECT user_id IS NULL FROM roughly_authenticate('${token[1]}');")" t "in the open session too, where nobody is known"
like "$(error -U app -c "SELECT * FROM roughly_aggregate('$old_question')")" '^ERROR:  42704' "nor any question"
make_people 6
q=$(ask_question)
ask S "$(ballot "$q" 1 tea)" > "$work/out"
is "$(< "$work/out")" $'t' "one votes in the open session"
vote "$q" 2 6 tea
publish "$q"
is "$(respondents "$q"),$(sql -U admin -c "SELECT roughly_recount('$q')")" 6,t "and all of it works"
like "$(sql -c 'ALTER TABLE orders ADD FOREIGN KEY (buyer) REFERENCES roughly.users' 2>&1 || true)" 'not present in table "users"' \
  "the application's old rows refer to nobody"
close_session S

# --- the roles are the cluster's: they can go when no database needs them
sql -d postgres -c 'CREATE DATABASE second'
like "$(error -d postgres -c 'DROP ROLE roughly_owner')" '^ERROR:  2BP01' "roles stay while a database has the extension"

# --- the key file is lost, and a second database makes another
mv "$key_file" "$work/lost.key"
sql -d second -c 'CREATE EXTENSION roughly_auth'
isnt "$(md5sum < "$key_file")" "$made" "CREATE EXTENSION in a database that knows no key makes a new file"
first=$(sql -c 'SELECT fingerprint FROM roughly.keys')
refusal="^ERROR:  55000: the key file \".*\" belongs to another installation: its key 1 has fingerprint [0-9a-f]{32}, this database needs $first.*HINT"
like "$(error -U app -c "SELECT * FROM roughly_log_in('person1@example.org', '$password')")" "$refusal" "which the first refuses, naming what it needs"
like "$(error -U admin -c "CALL roughly_publish('$q')")" "$refusal" "also to count"
is "$(respondents "$q")" 6 "published numbers are read"
sql -d second -c "SELECT roughly_admin_import_user('a@example.org')" > /dev/null
second=$(sql -d second -c 'SELECT fingerprint FROM roughly.keys')
cp -p "$key_file" "$work/new.key"
as_server cp "$work/lost.key" "$key_file"
is "$(sql -c "SELECT user_id IS NOT NULL FROM roughly_authenticate('${token[1]}')")" t "the lost file put back serves the first"
like "$(error -d second -c "SELECT roughly_admin_import_user('b@example.org')")" "^ERROR:  55000: .*belongs to another installation.*this database needs $second" \
  "and no longer the second, which has sealed with the new one"
sql -d second -c 'DROP EXTENSION roughly_auth' -c 'CREATE EXTENSION roughly_auth' -c "SELECT roughly_admin_import_user('b@example.org')" > /dev/null
is "$(sql -d second -c 'SELECT fingerprint FROM roughly.keys')" "$first" "made again, it takes the cluster's key"

# --- where new functions are for nobody, what everybody may call still is for everybody
sql -d second -c 'DROP EXTENSION roughly_auth' -c 'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC' -c 'CREATE EXTENSION roughly_auth'
is "$(sql -d second -c "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc WHERE proname ~ '^roughly_' AND has_function_privilege('public', oid, 'EXECUTE')")" \
  'roughly_aggregate roughly_current_user roughly_questions roughly_release' "default privileges: the functions for everybody"

# --- nothing of it in any database
sql -d second -c 'DROP EXTENSION roughly_auth'
sql -c 'DROP EXTENSION roughly_auth' -c 'DROP ROLE app, admin, mailer, roughly_app, roughly_admin, roughly_mailer, roughly_owner'
is "$(sql -c "SELECT count(*) FROM pg_roles WHERE rolname ~ '^roughly'")" 0 "then its roles can be dropped"

done_testing
