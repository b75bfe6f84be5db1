"""Everything at once: clients that log in, vote, change, delete, publish, close and mail, on the same few people and
questions, each command in a transaction of its own and at any isolation level. Prints what breaks a promise; a summary goes
to standard error.

The promises: no deadlock; 40001 only where the isolation level gives it, and then the command can be tried again; no error
but those the command is known for; at every moment every vote is one ballot, waiting or in a batch; what is published never
shrinks; and in the end every vote that was acknowledged is counted, once, for its choice."""
import collections
import os
import random
import sys
import threading
import time

import psycopg

from poll import CONSERVATION, connect

SEED = int(os.environ.get("SEED", "1"))
COMMANDS = int(os.environ.get("COMMANDS", "60")) # of each client
CLIENTS = ["app"] * 8 + ["admin"] * 3 + ["mailer"] * 3
LEVELS = ["READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]
PASSWORDS = ["correct horse battery staple", "quite another pass phrase"]
CHOICES = ["tea", "coffee", "water"]
MOVING, SETTLED, LATE = 8, 24, 6 # people whose accounts change, such as only vote, and such as vote when all is over
QUESTION = "SELECT roughly_create_question('Tea?', %s, k => 5, min_batch => 5, growth => 0.1, max_wait => NULL)"

# What may go wrong with a command when others are at work.
KNOWN = {
    "cast": {"RA001", "23505", "55000", "42501"}, "close": {"55000"}, "import": {"23505"}, "add dimension": {"23505"}, "enroll": {"RA001", "RA003", "23505"},
    "recount": set(), "publish": set(), "publish due": set(), "dequeue": set(),
}
AS_SOMEBODY = {"RA001", "RA003"}
OF_SOMEBODY = {"42704"}

broken, errors, done = [], collections.Counter(), collections.Counter()
acknowledged = collections.defaultdict(collections.Counter) # question: choice: how many
sessions = collections.defaultdict(list) # address: tokens
mailed = collections.defaultdict(list) # kind: tokens
questions, doomed = [], []
over = threading.Event()


def address(n):
    return f"person{n}@example.org"


class Client(threading.Thread):
    def __init__(self, number, role):
        super().__init__()
        self.random, self.role, self.db = random.Random(f"{SEED}/{number}"), role, connect(role)

    def run(self):
        try:
            for _ in range(COMMANDS):
                getattr(self, self.role)()
        except Exception as error: # a client that dies would make the run look well
            broken.append(f"{self.role}: {error!r}")

    def attempt(self, name, *statements, known=frozenset()):
        """The last result, or None; tries again what could not be serialized."""
        for _ in range(50):
            level = self.random.choice(LEVELS)
            try:
                with self.db.transaction():
                    self.db.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
                    for statement in statements:
                        rows = self.db.execute(*statement).fetchall()
                done[name] += 1
                return rows
            except psycopg.Error as error:
                errors[name, error.sqlstate] += 1
                if error.sqlstate == "40001" and level != "READ COMMITTED":
                    continue
                if error.sqlstate not in KNOWN.get(name, known):
                    broken.append(f"{name} at {level}: {error.sqlstate} {error}")
                return None
        broken.append(f"{name}: could not be serialized in 50 attempts")
        return None

    def call(self, name, sql, *arguments, known=frozenset()):
        return self.attempt(name, (sql, arguments), known=known)

    def procedure(self, name, sql, *arguments):
        try:
            self.db.execute("SET default_transaction_isolation = %s" % self.random.choice(["'read committed'", "'serializable'"]))
            self.db.execute(sql, arguments)
            done[name] += 1
        except psycopg.Error as error:
            errors[name, error.sqlstate] += 1
            broken.append(f"{name}: {error.sqlstate} {error}")

    def as_somebody(self, name, sql, *arguments, email=None, known=AS_SOMEBODY):
        email = email or address(self.random.randint(1, MOVING))
        if sessions[email]:
            return self.attempt(name, ("SELECT * FROM roughly_authenticate(%s)", [self.random.choice(sessions[email][-3:])]), (sql, arguments), known=known)
        return None

    def app(self):
        r = self.random
        email = address(r.randint(1, MOVING))
        match r.randint(0, 20):
            case 0 | 1:
                rows = self.call("log in", "SELECT * FROM roughly_log_in(%s, %s)", email, r.choice(PASSWORDS))
                if rows and rows[0][0] == "ok":
                    sessions[email].append(rows[0][1])
            case 2:
                if sessions[email]:
                    rows = self.call("re-issue", "SELECT * FROM roughly_reissue_session(%s)", r.choice(sessions[email][-3:]))
                    if rows and rows[0][0]:
                        sessions[email].append(rows[0][0])
            case 3:
                rows = self.as_somebody("change password", "SELECT session_token FROM roughly_change_password(%s, %s)", *r.sample(PASSWORDS, 2), email=email)
                if rows and rows[0][0]:
                    sessions[email].append(rows[0][0])
            case 4: self.as_somebody("log out everywhere", "SELECT roughly_log_out_everywhere(%s)", r.random() < 0.8)
            case 5: self.as_somebody("set profile", "SELECT roughly_set_profile('{\"birth_year\": 1980}')")
            case 6: self.as_somebody("enroll", "SELECT * FROM roughly_enroll_totp()")
            case 7: self.as_somebody("remove factor", "SELECT roughly_remove_totp()")
            case 8: self.as_somebody("move", "SELECT roughly_request_email_change(%s)", address(r.randint(1, MOVING)))
            case 9: self.as_somebody("own data", "SELECT roughly_export_my_data()")
            case 10: self.as_somebody("delete account", "SELECT roughly_delete_account(%s)", r.choice(PASSWORDS))
            case 11: self.call("register", "SELECT * FROM roughly_register_user(%s)", email)
            case 12: self.call("ask for a link", f"SELECT roughly_request_{r.choice(['magic_link', 'password_reset'])}(%s)", email)
            case 13 | 14:
                kind, sql = r.choice([("magic_link", "roughly_log_in_with_magic_link(%s)"), ("reset_password", f"roughly_reset_password(%s, '{r.choice(PASSWORDS)}')"),
                                      ("confirm", "roughly_confirm_user(%s)"), ("change_email", "roughly_change_email(%s)")])
                if mailed[kind]:
                    self.call(f"use {kind}", f"SELECT * FROM {sql}", r.choice(mailed[kind][-8:]))
            case _:
                question, choice = r.choice(questions + doomed[-3:]), r.choice(CHOICES)
                email = address(r.randint(1, MOVING + SETTLED))
                if self.as_somebody("cast", "SELECT roughly_cast_vote(%s, %s)", question, choice, email=email) is not None:
                    acknowledged[question][choice] += 1

    def admin(self):
        r = self.random
        match r.randint(0, 13):
            case 0 | 1 | 2: self.procedure("publish", "CALL roughly_publish(%s)", r.choice(questions + doomed[-3:]))
            case 3 | 4: self.procedure("publish due", "CALL roughly_publish_due()")
            case 5:
                rows = self.call("create question", QUESTION, CHOICES)
                if rows:
                    doomed.append(rows[0][0])
            case 6: self.call("close", "SELECT roughly_close_question(%s)", r.choice(doomed))
            case 7: self.call("recount", "SELECT roughly_recount(%s)", r.choice(questions))
            case 8: self.call("import", "SELECT roughly_admin_import_user(%s, %s)", address(r.randint(1, MOVING)), phc)
            case 9: self.call("purge", "SELECT roughly_purge_expired()")
            case 10: self.call("add dimension", "SELECT roughly_add_dimension(%s, 'extra.a')", f"d{r.randint(1, 20)}")
            case 11: self.call("block passwords", "SELECT roughly_admin_block_passwords(%s)", r.sample(["a", "b", "c", "d"], 3))
            case _:
                people = self.call("audit", "SELECT DISTINCT user_id FROM roughly_audit() WHERE user_id <> ALL (%s)", settled)
                for user, in r.sample(people, min(2, len(people))):
                    name = r.choice(["ban", "unban", "revoke_sessions", "unlock", "delete_user"])
                    self.call(name, f"SELECT roughly_admin_{name}(%s)", user, known=OF_SOMEBODY)

    def mailer(self):
        mails = self.call("dequeue", "SELECT * FROM roughly_dequeue_mail(%s)", self.random.choice([1, 5, 20]))
        for id, kind, _, token, _ in mails or []:
            mailed[kind].append(token)
            if self.random.random() < 0.7:
                self.call("mail sent", "SELECT roughly_mail_sent(%s)", id)
        time.sleep(0.02 * self.random.random())


class Watch(threading.Thread):
    """Looks at what is published and at the tables until all is over."""

    def __init__(self):
        super().__init__()
        self.looks = 0

    def run(self):
        db, seen = connect(), {}
        while not over.is_set():
            for question in list(questions + doomed):
                for choice, votes, as_of in db.execute("SELECT choice, votes, as_of FROM roughly_aggregate(%s)", [question]):
                    before = seen.get((question, choice), (0, 0))
                    if votes < before[0] or as_of < before[1]:
                        broken.append(f"{question}: {choice} had {before}, then {(votes, as_of)}")
                    seen[question, choice] = votes, as_of
            if lost := db.execute(CONSERVATION).fetchall():
                broken.append(f"votes that are no ballots: {lost}")
            self.looks += 1


db = connect()
phc, = db.execute("SELECT roughly_hash_password(%s)", [PASSWORDS[0]]).fetchone()
settled = []
for n in range(1, MOVING + SETTLED + LATE + 1):
    user, = db.execute("SELECT roughly_admin_import_user(%s, %s)", [address(n), phc]).fetchone()
    settled += [user] if n > MOVING else []
    sessions[address(n)].append(db.execute("SELECT session_token FROM roughly_log_in(%s, %s)", [address(n), PASSWORDS[0]]).fetchone()[0])
questions += [db.execute(QUESTION, [CHOICES]).fetchone()[0] for _ in range(4)]
doomed.append(db.execute(QUESTION, [CHOICES]).fetchone()[0])

watch, clients = Watch(), [Client(number, role) for number, role in enumerate(CLIENTS)]
for thread in [watch, *clients]:
    thread.start()
for client in clients:
    client.join()
over.set()
watch.join()

# The end: what waits is counted, together with k more, so that no last batch is too small.
for question in questions:
    for n in range(LATE):
        with db.transaction():
            db.execute("SELECT roughly_authenticate(%s)", sessions[address(MOVING + SETTLED + 1 + n)])
            db.execute("SELECT roughly_cast_vote(%s, 'water')", [question])
        acknowledged[question]["water"] += 1
    db.execute("SELECT roughly_close_question(%s)", [question])
db.execute("CALL roughly_publish_due()")
for question in questions:
    counted = dict(db.execute("SELECT choice, votes FROM roughly_aggregate(%s)", [question]).fetchall())
    if counted != {choice: acknowledged[question][choice] for choice in CHOICES}:
        broken.append(f"acknowledged {dict(acknowledged[question])}, counted {counted}")
for question in doomed: # closed at any moment: fewer than k may have been left over
    kept, = db.execute("SELECT count(*) FROM roughly.votes WHERE question_id = %s", [question]).fetchone()
    if kept != sum(acknowledged[question].values()):
        broken.append(f"acknowledged {dict(acknowledged[question])}, kept {kept}")
print(*broken, sep="\n", end="\n" if broken else "")
print(f"# SEED={SEED}: {len(CLIENTS)} clients, {sum(done.values())} commands done, {sum(map(sum, (c.values() for c in acknowledged.values())))} votes, "
      f"{len(questions) + len(doomed)} questions, {watch.looks} looks", file=sys.stderr)
print("# errors:", ", ".join(f"{name} {sqlstate} {count}" for (name, sqlstate), count in sorted(errors.items(), key=str)), file=sys.stderr)
print("# done:", ", ".join(f"{name} {count}" for name, count in sorted(done.items())), file=sys.stderr)
