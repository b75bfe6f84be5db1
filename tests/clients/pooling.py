"""Two clients on one connection to the server, as a pooler in transaction mode makes them: what one leaves behind, the
other must not see. Prints what happened; tests/tap/clients.t says what should."""
import os
import signal
import sys
import threading
import time

import psycopg

from flow import acting_as, connect


def who(db):
    return db.execute("SELECT pg_backend_pid() AS server, roughly_current_user() AS person").fetchone()


class Waiting(threading.Thread):
    """A client that asks who is acting, and has to wait for the connection."""

    def __init__(self, db):
        super().__init__()
        self.db = db
        self.start()
        time.sleep(0.3)
        self.waited = self.is_alive()

    def run(self):
        self.answer = who(self.db)


def report(when, a, b, waited=None):
    print(f"{when}: A was {'somebody' if a.person else 'nobody'}, B is {'somebody' if b.person else 'nobody'}"
          f"{', same connection' if a.server == b.server else ''}{', after waiting' if waited else ''}")


def prepared(threshold):
    try:
        clients = [psycopg.connect(user="web", autocommit=True, prepare_threshold=threshold) for _ in range(2)]
        for client in clients * 8:
            client.execute("SELECT roughly_current_user()")
        return "ok"
    except psycopg.errors.DuplicatePreparedStatement:
        return "refused"


token = sys.argv[1]
a, b = connect(), connect()

with acting_as(a, token):
    acting = who(a)
report("after COMMIT", acting, who(b))

try:
    with acting_as(a, token):
        acting = who(a)
        a.execute("SELECT 1 / 0")
except psycopg.errors.DivisionByZero:
    report("after an error", acting, who(b))

with acting_as(a, token):
    acting, waiting = who(a), Waiting(b)
waiting.join()
report("in line for it", acting, waiting.answer, waiting.waited)

ready, done = os.pipe()
child = os.fork()
if child == 0:
    a = connect()
    with acting_as(a, token):
        os.write(done, b"acting" if who(a).person else b"nobody")
        signal.pause()
acting = acting._replace(person=os.read(ready, 6) == b"acting")
waiting = Waiting(b)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
waiting.join()
report("A was killed while acting", acting, waiting.answer._replace(server=None), waiting.waited)  # which closes the connection

print("statements without a name:", prepared(None))
print("named statements:", prepared(0))
