"""A grammar fuzzer for the functions of the extension: sequences of calls, good and bad, in every kind of transaction and
statement, as each role. Prints what breaks a promise, with the statements that lead there; nothing when all is well.

SEED and SEQUENCES (environment) choose what is made; the same seed makes the same calls. ROUTINES restricts it to names that
match a pattern. The table of what was tried goes to standard error, as TAP comments.

The promises: an error is one the function's COMMENT names, or one of the few that any function may give; it leaves no row
changed and the identity as it was; so do a refusal that is told as a status, and whatever reads; a rollback leaves nothing;
every vote is one ballot, waiting or in a batch."""
import collections
import os
import random
import re
import sys

import psycopg
import psycopg.sql

from poll import CONSERVATION, connect, digests, tables

SEED = int(os.environ.get("SEED", "1"))
SEQUENCES = int(os.environ.get("SEQUENCES", "250"))
ROUTINES = os.environ.get("ROUTINES", "%")
PASSWORD, OTHER_PASSWORD = "correct horse battery staple", "quite another pass phrase"
ROLES = ["anybody", "app", "app", "app", "admin", "admin", "mailer", "super"]
REFUSED = {"invalid", "invalid_email", "invalid_credentials", "weak_password", "throttled", "busy"}

# Bad values by type: (kind, SQL).
TEXTS = [
    ("empty", "''"), ("blank", "E' \\t\\r\\n'"), ("huge", "repeat('x', 3000000)"), ("huge", "repeat(U&'\\+01F600', 100000)"),
    ("long", "repeat('y', 161) || '@example.org'"), ("control characters", "E'\\x01\\x1b[31m\\x7f@example.org'"),
    ("escapes", "E'%s%n\\\\0\\\\x00\\'\";--$1{}'"), ("not NFC", "normalize(U&'\\1E69\\00E9', NFD) || '@example.org'"),
    ("combining marks", "repeat(U&'\\0301', 500)"), ("grows under NFC", "repeat(U&'\\+01D160', 60)"), ("right to left", "U&'\\202E\\05D0@\\05D1.example'"),
    ("noncharacter", "U&'\\FFFF' || chr(1114111)"), ("bad UTF-8", "convert_from('\\xc328', 'UTF8')"), ("bad UTF-8", "convert_from('\\xeda080', 'UTF8')"),
    ("zero byte", "convert_from('\\x610062', 'UTF8')"), ("zero byte", "chr(0)"), ("other encoding", "convert_from('\\xff', 'LATIN1')"),
    ("hash", "'$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA'"), ("hash", "'$2b$31$' || repeat('.', 53)"), ("hash", "'$pbkdf2-sha512$0$$'"),
    ("token", "repeat('A', 64)"), ("token", "repeat('_', 63) || '='"), ("number", "'000000'"), ("number", "'-1'"),
]
TIMES = [("infinite", "'infinity'"), ("infinite", "'-infinity'"), ("earliest", "'4713-01-01 BC'"), ("latest", "'294276-12-31 23:59:59.999999'"), ("malformed", "'2026-02-30'")]
BAD = {
    "text": TEXTS,
    "uuid": [("nil", "'00000000-0000-0000-0000-000000000000'"), ("unknown", "gen_random_uuid()"), ("malformed", "'no-uuid'"), ("malformed", "''")],
    "integer": [("negative", "-1"), ("zero", "0"), ("least", "-2147483648"), ("most", "2147483647"), ("overflow", "2147483648"), ("malformed", "'1e3'"), ("division by zero", "1 / 0")],
    "smallint": [("negative", "-1::smallint"), ("overflow", "32768")],
    "bigint": [("least", "-9223372036854775808"), ("most", "9223372036854775807"), ("overflow", "9223372036854775808")],
    "double precision": [("NaN", "'NaN'"), ("infinite", "'Infinity'"), ("infinite", "'-Infinity'"), ("negative", "-0.5"), ("zero", "-0.0"), ("most", "1e308"), ("tiny", "5e-324"), ("overflow", "'1e400'")],
    "interval": [("negative", "'-1 microsecond'"), ("negative", "'1 year -400 days'"), ("months negative", "'-1 month 40 days'"), ("longest", "'178000000 years'"),
                 ("longest", "'-178000000 years'"), ("overflow", "'1e20 years'"), ("malformed", "'infinit'"), ("zero", "'0'")],
    "timestamp with time zone": TIMES,
    "boolean": [("malformed", "'perhaps'")],
    "bytea": [("empty", "''::bytea"), ("malformed", "'\\xg'"), ("zero byte", "'\\x00'::bytea"), ("huge", "repeat('x', 3000000)::bytea")],
    "name": [("empty", "''"), ("unknown", "'nothing'"), ("long", "repeat('n', 100)")],
    "inet": [("all", "'::/0'"), ("all", "'0.0.0.0/0'"), ("host bits", "'10.1.2.3/8'"), ("mapped", "'::ffff:10.0.0.1'"), ("malformed", "'256.0.0.1'")],
    "jsonb": [("no object", "'[]'"), ("no object", "'null'"), ("no object", "'\"x\"'"), ("empty", "'{}'"), ("wrong type", "'{\"birth_year\": \"x\"}'"), ("wrong type", "'{\"country\": [\"DE\"]}'"),
              ("overflow", "'{\"birth_year\": 1e400}'"), ("unknown key", "'{\"height\": 1}'"), ("deep", "('{\"extra\": ' || repeat('[', 3000) || repeat(']', 3000) || '}')::jsonb"),
              ("too deep", "(repeat('[', 2000000))::jsonb"), ("huge", "jsonb_build_object('gender', repeat('x', 1000000))"),
              ("huge", "jsonb_build_object('extra', jsonb_build_object('a', repeat('x', 1000000)))"), ("zero byte", "'{\"gender\": \"\\u0000\"}'"), ("duplicate key", "'{\"gender\": \"a\", \"gender\": null}'"),
              ("surrogate", "'{\"gender\": \"\\ud800\"}'"), ("malformed", "'{'")],
}
ARRAYS = [("empty array", "'{{}}'::{0}[]"), ("null in an array", "ARRAY[NULL, {1}]::{0}[]"), ("only null in an array", "ARRAY[NULL]::{0}[]"), ("two dimensions", "ARRAY[[{1}, {1}], [{1}, {1}]]::{0}[]"),
          ("six dimensions", "array_fill({1}::{0}, '{{2,2,2,2,2,2}}')"), ("lower bound", "array_fill({1}::{0}, '{{2}}', '{{-7}}')"), ("named twice", "ARRAY[{1}, {1}]::{0}[]"),
          ("many", "array_fill({1}::{0}, '{{3000}}')"), ("malformed", "'{{x,'::{0}[]")]



class Broken(Exception):
    """A promise that does not hold."""


class Routine:
    def __init__(self, oid, name, kind, volatility, required, names, types, modes, comment):
        self.oid, self.name, self.is_procedure, self.reads, self.required = oid, name, kind == "p", volatility != "v", required
        self.short = name.split(".")[1]
        self.arguments = [(n, t) for n, t, m in zip(names, types, modes) if m == "i"]
        self.gives = "b" in modes
        self.documented = set(re.findall(r"\b(?=[A-Z]*\d)[A-Z\d]{5}\b", comment))
        self.kinds, self.met, self.tried = set(), collections.Counter(), 0


class Fuzzer:
    def __init__(self):
        self.random = random.Random(SEED)
        self.db = connect()
        self.broken = []
        self.tokens, self.sessions, self.uuids, self.people = [], [], collections.defaultdict(list), 0
        self.routines = [Routine(*row) for row in self.db.execute("""
            SELECT p.oid, format('%%I.%%I', n.nspname, p.proname), p.prokind::text, p.provolatile::text, p.pronargs - p.pronargdefaults,
                   COALESCE(p.proargnames, '{}'), ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, i) ORDER BY i),
                   COALESCE(p.proargmodes::text[], array_fill('i'::text, ARRAY[p.pronargs::int])), COALESCE(obj_description(p.oid, 'pg_proc'), '')
              FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'roughly_auth')
               AND p.proname LIKE %s
             ORDER BY n.nspname, p.proname COLLATE "C", p.oid""", [ROUTINES])]
        closed = tables(self.db)
        self.state_sql = digests(closed) + ", roughly_current_user()"
        self.role, self.known_state, self.privileges = None, None, {}
        self.failures_at = closed.index("roughly.login_failures")

    # --- what there is to speak of
    def setup(self):
        """People who can log in, and questions."""
        self.act_as(None)
        self.known_state = None
        phc, = self.db.execute("SELECT roughly_hash_password(%s)", [PASSWORD]).fetchone()
        for _ in range(6):
            self.people += 1
            email = f"person{self.people}@example.org"
            try:
                self.db.execute("SELECT roughly_admin_import_user(%s, %s)", [email, phc])
            except psycopg.errors.UniqueViolation:
                continue # a call has registered it
            self.harvest("user", self.db.execute("SELECT * FROM roughly_log_in(%s, %s)", [email, PASSWORD]))
        for dimensions, more in [("{}", ""), ("{gender,age_band}", ""), ("{}", ", epsilon => 1")]:
            self.uuids["question"].append(self.db.execute(
                f"SELECT roughly_create_question('Tea?', '{{tea,coffee}}', '{dimensions}', k => 5, min_batch => 5, growth => 0.1, max_wait => NULL{more})").fetchone()[0])

    def harvest(self, kind, cursor):
        """Keeps the tokens and ids of the result, which it returns."""
        rows = cursor.fetchall() if cursor.description else []
        for row in rows:
            for column, value in zip(cursor.description, row):
                if isinstance(value, str) and re.fullmatch(r"[\w-]{64}", value):
                    self.tokens.append(value)
                    if column.name in ("session_token", "new_token"):
                        self.sessions.append(value)
                elif hasattr(value, "hex") and hasattr(value, "version"):
                    self.uuids[{"user_id": "user", "session_id": "session"}.get(column.name, kind)].append(value)
        return rows

    def recent(self, pool):
        return self.random.choice(pool[-12:]) if pool else None

    def uuid(self, kind):
        return f"'{self.recent(self.uuids[kind]) or '00000000-0000-4000-8000-000000000000'}'"

    def plausible(self, name, type):
        """SQL for an argument that might be right."""
        r = self.random
        email = f"'person{r.randint(max(1, self.people - 8), self.people + 3)}@example.org'"
        by_name = {
            "email": email, "new_email": email, "password": f"'{r.choice([PASSWORD, PASSWORD, OTHER_PASSWORD])}'", "current_password": f"'{PASSWORD}'", "new_password": f"'{OTHER_PASSWORD}'",
            "token": f"'{self.recent(self.tokens)}'", "session_token": f"'{self.recent(self.tokens)}'", "code": r.choice(["'123456'", f"'{self.recent(self.tokens)}'"]),
            "choice": r.choice(["'tea'", "'coffee'", "'water'"]), "other_choice": "'tea'", "choices": "'{tea,coffee}'", "dimensions": r.choice(["'{}'", "'{gender}'", "'{nothing}'"]),
            "by": r.choice(["'{}'", "'{gender}'", "'{gender,age_band}'"]), "source": r.choice(["'extra.a'", "'age'", "'nothing'"]), "name": f"'dimension{r.randint(1, 20)}'",
            "profile": r.choice(["'{\"gender\": \"x\"}'", "'{\"birth_year\": 1980, \"country\": \"DE\"}'", "'{\"gender\": null, \"extra\": {\"a\": \"b\"}}'"]),
            "receipts": r.choice(["'truth'", "'sent'", "'none'"]), "edges": "'{18,65}'", "categories": "'{a,b}'",
        }
        if name in by_name:
            return by_name[name]
        if type.startswith("uuid"):
            kind = {"question": "question", "questions": "question", "other_question": "question", "session_id": "session", "id": "mail"}.get(name, "user")
            return self.uuid(kind) if type == "uuid" else f"ARRAY[{self.uuid(kind)}, {self.uuid(kind)}]"
        return {"text": "'something'", "integer": "5", "boolean": r.choice(["true", "false"]), "double precision": "0.5", "interval": "'1 day'", "inet": "'192.0.2.1'",
                "timestamp with time zone": "clock_timestamp() + '1 hour'", "jsonb": "'[]'", "text[]": "'{x}'", "bigint[]": "'{1,2}'", "bytea": "'\\x01'::bytea"}.get(type, "NULL")

    def bad(self, name, type):
        """(kind, SQL) for an argument that is likely wrong."""
        if self.random.random() < 0.15:
            return "null", "NULL"
        if type.endswith("[]"):
            element = type[:-2]
            kind, sql = self.random.choice(ARRAYS + [("elements", "ARRAY[{2}]::{0}[]")])
            inner_kind, inner = self.random.choice(BAD[element])
            return (inner_kind + " in an array" if kind == "elements" else kind), sql.format(element, "'x'" if element == "text" else self.plausible("", element), inner)
        if type == "text" and name.endswith(("token", "code")) and self.tokens and self.random.random() < 0.4: # of another context, or of the past
            return "wrong token", f"'{self.random.choice(self.tokens)}'"
        if type == "uuid" and self.random.random() < 0.4:
            return "wrong kind of id", self.uuid(self.random.choice(sorted(self.uuids)))
        return self.random.choice(BAD[type])

    # --- one call
    def arguments(self, routine):
        """[(name, type, SQL)] and the kinds of bad input among them."""
        given, kinds = [], set()
        badness = self.random.choice([0, 0.3, 0.3, 1])
        for n, (name, type) in enumerate(routine.arguments):
            if n >= routine.required and self.random.random() < 0.5:
                continue
            if self.random.random() < badness:
                kind, sql = self.bad(name, type)
                kinds.add(kind)
            else:
                sql = self.plausible(name, type)
            given.append((name, type, sql))
        return given, kinds

    def statement(self, routine, given, single):
        """The call in one of many forms; with `single`, in one statement, so that nothing of it commits before it fails."""
        def applied(values):
            return f"{routine.name}({', '.join('%s => %s' % (psycopg.sql.Identifier(name).as_string(self.db), value) for (name, _, _), value in zip(given, values))})"

        values = [f"{sql}::{type}" for _, type, sql in given]
        call = applied(values)
        if routine.is_procedure:
            return f"CALL {call}" if routine.gives or self.random.random() < 0.7 else f"DO $do$BEGIN CALL {call}; END$do$"
        types = f"({', '.join(type for _, type, _ in given)})" if given else ""
        execute = f"EXECUTE p({', '.join(values)});" if given else "EXECUTE p;"
        together = [
            f"PREPARE p{types} AS SELECT * FROM {applied(f'${n}' for n in range(1, len(given) + 1))};"
            f" SET LOCAL plan_cache_mode = force_generic_plan; {execute} {execute} DEALLOCATE p",
            f"DECLARE c SCROLL CURSOR FOR SELECT * FROM {call}; FETCH 1 FROM c; FETCH BACKWARD ALL FROM c; FETCH ALL FROM c; CLOSE c",
            f"SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SELECT count(*), {call} FROM fuzz.many WHERE n % 500 < 2",
        ]
        alone = [
            f"SELECT * FROM {call}", f"SELECT * FROM {call}", f"SELECT * FROM {call}", f"SELECT {call}",
            f"SELECT f.* FROM generate_series(1, 3), LATERAL {call} f",
            f"SELECT count(*) FROM fuzz.many WHERE n < 3 AND EXISTS (SELECT FROM {call})",
            f"EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {call}",
            f"DO $do$BEGIN PERFORM FROM {call}; END$do$",
            f"SELECT EXISTS (SELECT FROM {call} UNION ALL SELECT FROM {call})",
            f"WITH w AS MATERIALIZED (SELECT * FROM {call}) SELECT * FROM w, w other LIMIT 3",
            f"DO $do$BEGIN PERFORM set_config('fuzz.caught', '', false); PERFORM FROM {call}; EXCEPTION WHEN OTHERS THEN PERFORM set_config('fuzz.caught', SQLSTATE, false); END$do$",
        ]
        return self.random.choice(alone if single else alone + together)

    def act_as(self, role):
        if role != self.role:
            self.db.execute("RESET SESSION AUTHORIZATION" if role is None else f"SET SESSION AUTHORIZATION {role}")
            self.role = role

    def run(self, sql):
        self.transcript.append(sql if len(sql) < 2000 else sql[:2000] + "...")
        self.known_state = None
        return self.db.execute(sql)

    def state(self):
        """A digest of every table, and who is acting."""
        if self.known_state is None:
            self.act_as(None)
            *rows, who = self.db.execute(self.state_sql).fetchone()
            self.known_state = rows, who
        return self.known_state

    def expect(self, holds, what):
        if not holds:
            raise Broken(what)

    def expected(self, routine, role, transaction):
        """The SQLSTATEs that the call may give."""
        allowed = {"22004"} | routine.documented
        if not self.allowed(role, routine):
            allowed.add("42501")
        if transaction:
            allowed.add("25001") # a vote keeps other writes apart
            if "READ ONLY" in transaction:
                allowed.add("25006")
        return allowed

    def raised_by_arguments(self, given, sqlstate):
        """Whether PostgreSQL says the same of the arguments alone."""
        try:
            self.db.execute("SELECT " + ", ".join(f"{sql}::{type}" for _, type, sql in given))
        except psycopg.Error as error:
            return error.sqlstate == sqlstate
        return False

    def allowed(self, role, routine):
        if (role, routine) not in self.privileges:
            self.privileges[role, routine], = self.db.execute("SELECT has_function_privilege(%s, %s::oid, 'EXECUTE')", [role, routine.oid]).fetchone()
        return self.privileges[role, routine]

    def choose(self, role, likely):
        """A routine; one of those with a likely name more often, and one that the role may not call less often."""
        likely = [r for r in self.routines if r.short in likely]
        if likely and self.random.random() < 0.3:
            return self.random.choice(likely)
        routine = self.random.choice(self.routines)
        while not self.allowed(role, routine) and self.random.random() < 0.8:
            routine = self.random.choice(self.routines)
        return routine

    def call(self, role, transaction, likely=()):
        routine = self.choose(role, likely)
        given, kinds = self.arguments(routine)
        if self.random.random() < 0.02:
            given, kinds = [*given, ("unheard_of", "text", "'x'")], kinds | {"unknown argument"}
        sql = self.statement(routine, given, single=not transaction)
        allowed, before = self.expected(routine, role, transaction), self.state()
        if transaction:
            self.db.execute("SAVEPOINT call")
        self.act_as(role)
        routine.tried += 1
        routine.kinds |= kinds
        sqlstate, cursor = None, None
        try:
            cursor = self.run(sql)
        except psycopg.Error as error:
            sqlstate, message = error.sqlstate, str(error)
            self.expect(sqlstate is not None and not self.db.broken, f"the connection is lost: {message}")
            if transaction:
                self.db.execute("ROLLBACK TO call")
        self.act_as(None)
        if sql.startswith("PREPARE"):
            self.db.execute("DEALLOCATE ALL")
        if sqlstate is None and "fuzz.caught" in sql:
            sqlstate = self.db.execute("SELECT NULLIF(current_setting('fuzz.caught'), '')").fetchone()[0]
            message = "caught"
        after = self.state()
        if sqlstate:
            routine.met[sqlstate] += 1
            self.transcript.append(f"-- {sqlstate} {message}")
            self.expect(after[0] == before[0], f"{routine.name}: an error ({sqlstate}) left rows changed")
            self.expect(after[1] == before[1], f"{routine.name}: an error ({sqlstate}) changed who is acting")
            if sqlstate not in allowed and not ("unknown argument" in kinds and sqlstate == "42883"):
                if transaction:
                    self.db.execute("SAVEPOINT arguments")
                by_arguments = self.raised_by_arguments(given, sqlstate)
                if transaction:
                    self.db.execute("ROLLBACK TO arguments")
                self.expect(by_arguments, f"{routine.name}: {sqlstate} is not among its errors ({' '.join(sorted(allowed))}): {message}")
        else:
            routine.met["ok"] += 1
            if routine.reads:
                self.expect(after[0] == before[0], f"{routine.name}: it reads, and has changed rows")
            status = None
            if cursor.description and sql.startswith(("SELECT *", "CALL")):
                rows = self.harvest({"roughly_create_question": "question", "roughly_dequeue_mail": "mail"}.get(routine.short, "user"), cursor)
                status = rows[0][0] if rows and cursor.description[0].name in ("status", routine.short) else None
            if isinstance(status, str) and status in REFUSED:
                routine.met[status] += 1
                but_failures = [[h for n, h in enumerate(rows) if n != self.failures_at] for rows, _ in (before, after)]
                self.expect(but_failures[0] == but_failures[1], f"{routine.name}: it answers {status}, and has changed rows")

    # --- a sequence of calls
    def sequence(self, number):
        self.transcript = [f"-- SEED={SEED}, sequence {number}"]
        role = self.random.choice(ROLES)
        self.transcript.append(f"SET SESSION AUTHORIZATION {role}")
        transaction = self.random.choice([None, "READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "READ COMMITTED READ ONLY", "SERIALIZABLE READ ONLY DEFERRABLE"])
        if transaction:
            before = self.state()
            self.run(f"BEGIN ISOLATION LEVEL {transaction}")
            if role in ("app", "super") and self.random.random() < 0.8:
                self.run(f"SELECT * FROM roughly_authenticate('{self.recent(self.sessions)}')")
        open_savepoints = 0
        likely = {"admin": ["roughly_publish", "roughly_publish_due"], "app": ["roughly_cast_vote"], "mailer": ["roughly_dequeue_mail"]}.get(role, [])
        for _ in range(self.random.randint(2, 9)):
            if transaction and self.random.random() < 0.2:
                self.run("SAVEPOINT mine")
                open_savepoints += 1
            elif open_savepoints and self.random.random() < 0.2:
                self.run(self.random.choice(["ROLLBACK TO mine", "RELEASE mine"]))
                open_savepoints -= "RELEASE" in self.transcript[-1]
            self.call(role, transaction, likely)
        if transaction:
            keep = self.random.random() < 0.5
            self.run("COMMIT" if keep else "ROLLBACK")
            self.expect(keep or self.state() == before, "a rollback left something")
        self.expect(self.state()[1] is None, "somebody is authenticated after the end of the transaction")
        lost = self.db.execute(CONSERVATION).fetchall()
        self.expect(not lost, f"votes that are no ballots: {lost}")

    def go(self):
        for number in range(SEQUENCES):
            if number % 40 == 0:
                self.setup()
            try:
                self.sequence(number)
            except Broken as broken:
                print(broken, *self.transcript, "", sep="\n  ")
                if not self.db.broken:
                    self.db.close()
                self.db, self.role, self.known_state = connect(), None, None
        self.report()

    def report(self):
        print(f"# SEED={SEED}: {SEQUENCES} sequences, {sum(r.tried for r in self.routines)} calls", file=sys.stderr)
        for routine in self.routines:
            met = ", ".join(f"{what} {count}" for what, count in sorted(routine.met.items()))
            print(f"# {routine.name.removeprefix('public.')} | {routine.tried} | {', '.join(sorted(routine.kinds)) or 'none'} | {met}", file=sys.stderr)


if __name__ == "__main__":
    Fuzzer().go()
