"""Clients behind PgBouncer, which share connections to the server. Prints what happened; tests/tap/pooling.t says what should.
Arguments: a token of each person. Databases: many and one (transaction mode, with four connections and one), session."""
import collections
import random
import sys
import threading

import psycopg

from poll import connect

WHO = "SELECT roughly_current_user()"
AUTHENTICATE = "SELECT user_id FROM roughly_authenticate(%s)"
tokens = sys.argv[1:]


def act(db, token):
    return db.execute(AUTHENTICATE, [token]).fetchone()[0]


class Client(threading.Thread):
    """Transactions as one person, which end in every way there is. Nobody acts before, and nobody else meanwhile."""

    def __init__(self, number, dbname, rounds):
        super().__init__()
        self.number, self.dbname, self.rounds = number, dbname, rounds
        self.random, self.seen = random.Random(number), collections.Counter()

    def check(self, db, wanted):
        who, = db.execute(WHO).fetchone()
        rows = [row for row, in db.execute("SELECT id FROM roughly.users").fetchall()]
        self.seen["right" if who == wanted and rows == ([wanted] if wanted else []) else "wrong"] += 1

    def run(self):
        try:
            self.work()
        except Exception as error:
            self.seen[repr(error)] += 1

    def work(self):
        db = connect("app", self.dbname)
        for _ in range(self.rounds):
            self.check(db, None)
            end = self.random.choice(["COMMIT", "COMMIT", "ROLLBACK", "error", "leave", "sign out"])
            db.execute("BEGIN")
            self.check(db, None)
            person = act(db, tokens[self.number % len(tokens)])
            self.check(db, person)
            if end == "error":
                try:
                    db.execute("SELECT 1 / 0")
                except psycopg.errors.DivisionByZero:
                    end = "ROLLBACK"
            if end == "sign out":
                db.execute("SELECT roughly_sign_out_of_transaction()")
                self.check(db, None)
                end = "COMMIT"
            if end == "leave":
                db.close()
                db = connect("app", self.dbname)
            else:
                db.execute(end)
        db.close()


def load(dbname, clients, rounds):
    threads = [Client(number, dbname, rounds) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = sum((thread.seen for thread in threads), collections.Counter())
    print(f"{dbname}: {clients} clients, identity {', '.join(sorted(seen))}")


def outcome(db, sql):
    try:
        return str(db.execute(sql).fetchall())
    except psycopg.Error as error:
        return error.sqlstate


def kept(dbname):
    """What one client keeps in the server's session, and the next one finds there."""
    def turn(use):
        db = connect("app", dbname) # session mode: the connection is free again when this one closes
        result = use(db)
        db.close()
        return result

    def keep(db):
        with db.transaction():
            person = act(db, tokens[0])
            db.execute("PREPARE mine AS SELECT id FROM roughly.users")
            db.execute("SET plan_cache_mode = force_generic_plan")
            for _ in range(3):
                db.execute("EXECUTE mine")
            db.execute("DECLARE held CURSOR WITH HOLD FOR SELECT id FROM roughly.users")
            db.execute("CREATE TEMP TABLE copied AS SELECT id FROM roughly.users")
        return person

    def find(db):
        alone = outcome(db, "EXECUTE mine")
        with db.transaction():
            person = act(db, tokens[1])
            rows = outcome(db, "EXECUTE mine")
        as_other = "own row" if rows == str([(person,)]) else rows
        held, copied = [{str([(first,)]): "the other's row"}.get(found := outcome(db, sql), found) for sql in ["FETCH ALL FROM held", "SELECT id FROM copied"]]
        return alone, as_other, held, copied

    first = turn(keep)
    print(f"{dbname}: what was prepared: {{}}, as somebody else: {{}}; a held cursor: {{}}; a temporary table: {{}}".format(*turn(find)))


def cancelled():
    db, other = connect("app", "many"), connect("app", "many")
    timer = threading.Timer(0.3, db.cancel)
    timer.start()
    stopped = outcome(db, "SELECT pg_sleep(20)")
    timer.join()
    print("many: cancelled:", stopped, "then", outcome(db, "SELECT 1"), "and", outcome(other, "SELECT 2"))


load("many", 24, 12)
load("session", 12, 12)
for dbname in ["one", "session"]:
    kept(dbname)
cancelled()
