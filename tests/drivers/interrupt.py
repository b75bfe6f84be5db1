"""Commands that are stopped: at every table they come to, by lock_timeout, statement_timeout, pg_cancel_backend and
pg_terminate_backend; and at random moments. Prints what breaks a promise; a summary goes to standard error.

The promises: a command that is stopped has done nothing (what publishing has committed step by step stays, and is whole),
the session goes on and can be stopped again, and the command then does what it was to do; every vote is counted once."""
import collections
import os
import random
import sys
import threading
import time

import psycopg
from psycopg.pq import TransactionStatus

from poll import CONSERVATION, connect, digests, tables

SEED = int(os.environ.get("SEED", "1"))
TRIALS = int(os.environ.get("TRIALS", "8")) # at random moments, of each command
PASSWORDS = ["correct horse battery staple", "quite another pass phrase"]
EXPECTED = {"lock_timeout": {"55P03"}, "statement_timeout": {"57014"}, "cancel": {"57014"}, "terminate": {"57P01"}}
PROCEDURES = {"publish", "publish due"}

rng = random.Random(SEED)
db = connect()
state_sql = digests(tables(db))
stops, broken, votes = collections.Counter(), [], collections.Counter()


def value(sql, *arguments):
    return db.execute(sql, arguments).fetchone()[0]


phc = value("SELECT roughly_hash_password(%s)", PASSWORDS[0])


def person(email):
    """The id and a session of a new person."""
    user = value("SELECT roughly_admin_import_user(%s, %s)", email, phc)
    return user, value("SELECT session_token FROM roughly_log_in(%s, %s)", email, PASSWORDS[0])


voters = [person(f"voter{n}@example.org")[1] for n in range(6)]
changing, changing_token = person("changing@example.org")
serial = iter(range(1_000_000))


def question():
    return value("SELECT roughly_create_question('Tea?', '{tea,coffee}', k => 5, min_batch => 5, growth => 0.1, max_wait => NULL)")


def question_with_votes():
    q = question()
    for token in voters:
        with db.transaction():
            db.execute("SELECT roughly_authenticate(%s)", [token])
            db.execute("SELECT roughly_cast_vote(%s, 'tea')", [q])
    votes[q] = len(voters)
    return q


def doomed():
    email = f"doomed{next(serial)}@example.org"
    _, token = person(email)
    return "SELECT roughly_delete_account(%s)", [PASSWORDS[0]], token


def mails():
    db.execute("UPDATE roughly.mail_outbox SET locked_until = now(), attempts = 0")
    return "SELECT * FROM roughly_dequeue_mail(50)", []


def vote():
    q = question()
    votes[q] += 1
    return "SELECT roughly_cast_vote(%s, 'tea')", [q], voters[0]


for n in range(3): # orders that mailers find
    db.execute("SELECT roughly_request_magic_link(%s), roughly_register_user(%s)", [f"voter{n}@example.org", f"new{n}@example.org"])

# name: role, and what makes the next command: its statement, arguments and, where somebody acts, the session.
COMMANDS = {
    "cast": ("app", vote),
    "log in": ("app", lambda: ("SELECT * FROM roughly_log_in(%s, %s)", ["voter1@example.org", PASSWORDS[0]])),
    "fail to log in": ("app", lambda: ("SELECT * FROM roughly_log_in(%s, 'wrong')", [f"nobody{next(serial)}@example.org"])),
    "own answers": ("app", lambda: ("SELECT * FROM roughly_my_answers()", [], voters[0])),
    "set profile": ("app", lambda: ("SELECT roughly_set_profile(%s::jsonb)", [f'{{"birth_year": {1950 + next(serial) % 50}}}'], voters[2])),
    "prove again": ("app", lambda: ("SELECT * FROM roughly_reauthenticate(%s)", [PASSWORDS[0]], value("SELECT session_token FROM roughly_log_in(%s, %s)", "voter3@example.org", PASSWORDS[0]))),
    "ask for a link": ("app", lambda: ("SELECT roughly_request_magic_link(%s)", [f"somebody{next(serial)}@example.org"])),
    "delete account": ("app", doomed),
    "dequeue": ("mailer", mails),
    "create question": ("admin", lambda: ("SELECT roughly_create_question('Tea?', '{tea,coffee}')", [])),
    "close": ("admin", lambda: ("SELECT roughly_close_question(%s)", [question()])),
    "publish": ("admin", lambda: ("CALL roughly_publish(%s)", [question_with_votes()])),
    "publish due": ("admin", lambda: (question_with_votes(), ("CALL roughly_publish_due()", []))[1]),
    "recount": ("admin", lambda: ("SELECT roughly_recount(%s)", [rng.choice(list(votes))])),
    "import": ("admin", lambda: ("SELECT roughly_admin_import_user(%s)", [f"import{next(serial)}@example.org"])),
    "ban": ("admin", lambda: ("SELECT roughly_admin_ban(%s, now() - interval '1 hour')", [changing])),
    "read results": ("app", lambda: ("SELECT * FROM roughly_aggregate(%s)", [rng.choice(list(votes))])),
}


class Victim:
    """A session of a role, that is replaced when it is terminated."""

    def __init__(self, role):
        self.role, self.db = role, connect(role)

    def run(self, sql, arguments, token=None):
        """The SQLSTATE of what stops it; None when it comes to its end."""
        try:
            if token is None:
                self.db.execute(sql, arguments)
                return None
            with self.db.transaction():
                if self.db.execute("SELECT user_id FROM roughly_authenticate(%s)", [token]).fetchone()[0] is None:
                    raise SystemExit(f"no session for {sql}")
                self.db.execute(sql, arguments)
            return None
        except psycopg.OperationalError as error:
            if self.db.info.transaction_status == TransactionStatus.INERROR: # BEGIN was stopped when all but its answer was done
                self.db.rollback()
            return error.sqlstate or "57P01" # the connection is gone before it could say so

    def ready(self):
        if self.db.closed:
            self.db = connect(self.role)

    def set(self, setting, to):
        self.db.execute(f"SET {setting} = '{to}'")

    def can_be_stopped(self):
        self.set("statement_timeout", "10ms")
        stopped = self.run("SELECT pg_sleep(5)", []) == "57014"
        self.set("statement_timeout", "0")
        return stopped


def expect(holds, what):
    if not holds:
        broken.append(what)


def state():
    return db.execute(state_sql).fetchone()


def whole(name, before):
    """After a command was stopped."""
    if name not in PROCEDURES:
        expect(state() == before, f"{name}: it was stopped, and has changed rows")
    lost = db.execute(CONSERVATION).fetchall()
    expect(not lost, f"{name}: votes that are no ballots: {lost}")


def stopper(victim, how):
    """A thread that ends the victim's backend or its statement as soon as that waits for a lock."""
    pid = victim.db.info.backend_pid

    def stop():
        watch = connect()
        while not finished.is_set():
            if watch.execute(f"SELECT pg_{how}_backend(pid) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", [pid]).fetchone():
                return
            time.sleep(0.001)

    finished = threading.Event()
    thread = threading.Thread(target=stop)
    thread.start()

    def end():
        finished.set()
        thread.join()
    return end


def stop_at_tables(name, role, make):
    """The command, stopped at every table it comes to; then it is let through."""
    victim, command, blocker = Victim(role), make(), connect()
    for table in tables(db):
        for how in EXPECTED:
            if name in PROCEDURES: # which went on up to where it was stopped
                command = make()
            before = state()
            victim.ready()
            blocker.execute("BEGIN")
            blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            if how.endswith("timeout"):
                victim.set(how, "3ms" if how == "lock_timeout" else "60ms")
                stopped = victim.run(*command)
                victim.set(how, "0")
            else:
                end = stopper(victim, how)
                stopped = victim.run(*command)
                end()
            blocker.execute("ROLLBACK")
            if stopped is None: # it has no business with this table
                command = make()
                break
            stops[name, how] += 1
            expect(stopped in EXPECTED[how], f"{name}: stopped by {how} at {table}, it says {stopped}")
            whole(name, before)
    victim.ready()
    expect(victim.run(*command) is None, f"{name}: after all that it does not work any more")
    expect(victim.can_be_stopped(), f"{name}: the session cannot be cancelled any more")


def stop_at_random(name, role, make):
    """The command, stopped somewhere between its beginning and a little after its end."""
    victim, killer = Victim(role), connect()
    started = time.monotonic()
    victim.run(*make())
    took = time.monotonic() - started
    for trial in range(TRIALS):
        command, before = make(), state()
        how = "terminate" if trial % 4 == 3 else "cancel"
        pid, moment = victim.db.info.backend_pid, rng.random() * took * 1.2
        timer = threading.Timer(moment, killer.execute, [f"SELECT pg_{how}_backend(%s)", [pid]])
        timer.start()
        stopped = victim.run(*command)
        timer.join()
        if how == "terminate":
            victim.db.close()
        victim.ready()
        if stopped:
            stops[name, "at random"] += 1
            expect(stopped in {"57014", "57P01", "08006"}, f"{name}: {how} at random: {stopped}")
            if how == "cancel": # when terminated it may have been committed before
                whole(name, before)
            again = victim.run(*command)
            while again == "57014": # that came late, for the command before
                again = victim.run(*command)
            expect(again is None, f"{name}: after {how} it does not work any more: {again}")


try:
    for name, (role, make) in COMMANDS.items():
        stop_at_tables(name, role, make)
    for name in ["cast", "log in", "publish", "dequeue", "prove again", "create question"]:
        stop_at_random(name, *COMMANDS[name])
    db.execute("CALL roughly_publish_due()")
    for q, cast in votes.items():
        if cast >= 5:
            counted = dict(db.execute("SELECT choice, votes FROM roughly_aggregate(%s)", [q]).fetchall())
            expect(counted == {"tea": cast, "coffee": 0}, f"{q}: {cast} votes, counted {counted}")
            expect(value("SELECT roughly_recount(%s)", q), f"{q}: the recount differs")
        else:
            kept = value("SELECT count(*) FROM roughly.votes WHERE question_id = %s", q)
            expect(kept <= cast, f"{q}: {cast} votes, kept {kept}")
finally:
    print(*dict.fromkeys(broken), sep="\n", end="\n" if broken else "")
    for name in COMMANDS:
        print(f"# {name}:", ", ".join(f"{how} {stops[name, how]}" for how in [*EXPECTED, "at random"] if stops[name, how]), file=sys.stderr)
