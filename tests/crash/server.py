"""One private cluster: how clients reach it, how it is stopped in mid-motion to look at it, and how it is made to crash."""
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import psycopg
from psycopg.rows import namedtuple_row

# What each client is in the middle of, by the locks that it holds until its transaction is over.
LOOK = """
SELECT a.pid, CASE
    WHEN a.application_name = 'rotator' AND a.state = 'active' THEN 'rotate'
    WHEN a.application_name = 'closer' AND l.excludes_voters THEN 'close'
    WHEN NOT l.has_written THEN NULL
    WHEN a.application_name = 'registrar' AND l.writes && '{users,user_tokens,mail_outbox}' THEN 'register'
    WHEN a.application_name = 'voter' AND 'votes' = ANY (l.writes) THEN 'cast'
    WHEN a.application_name = 'publisher' AND 'ballots' = ANY (l.writes) THEN 'freeze'
    WHEN a.application_name = 'publisher' AND 'questions' = ANY (l.writes) THEN 'release'
  END AS state
FROM pg_stat_activity a, LATERAL (
  SELECT array_agg(c.relname::text) FILTER (WHERE l.mode = 'RowExclusiveLock') AS writes,
    bool_or(l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock') AS has_written,
    bool_or(l.locktype = 'advisory' AND l.objsubid = x'5241'::int AND l.mode = 'ExclusiveLock') AS excludes_voters
  FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = 'roughly'::regnamespace
  WHERE l.pid = a.pid) l
WHERE a.pid = ANY (%s)"""
STATES = ("register", "cast", "freeze", "release", "close", "rotate")
FAULTS = ("kill backend", "kill postmaster", "immediate shutdown", "full disk")
NO_SPACE = "No space left on device"


def connect(client="checker", user="postgres"):
    # ClientCursor: several statements with arguments in one message
    return psycopg.connect(user=user, application_name=client, autocommit=True, cursor_factory=psycopg.ClientCursor,
                           row_factory=namedtuple_row)


class Server:
    def __init__(self, home):
        self.home = Path(home)
        self.data = self.home / "data"
        self.key_file = self.home / "data.roughly_auth.key"
        self.filler = self.home / "filler"

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def _start(self):
        command = ["pg_ctl", "-D", self.data, "-l", self.home / "log", "-w", "start"]
        if os.geteuid() == 0:
            command = ["runuser", "-u", os.environ["server_user"], "--", *command]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def up(self):
        """Waits until the server has recovered; starts it if it is gone. Backends that outlive their postmaster delay it."""
        for _ in range(600):
            with contextlib.suppress(psycopg.OperationalError), connect() as db:
                db.execute("SELECT 1")
                return
            if not self._postmaster_lives():
                self._start()
            time.sleep(0.1)
        raise RuntimeError("the server does not come up again")

    def _postmaster_lives(self):
        try:
            os.kill(self.postmaster(), 0)
        except (OSError, ValueError, IndexError):
            return False
        return True

    @contextlib.contextmanager
    def stopped(self, pids):
        """Holds these processes where they are; on leaving, whoever is left goes on."""
        try:
            signal_all(pids, signal.SIGSTOP)
            yield
        finally:
            signal_all(pids, signal.SIGCONT)

    def strike(self, fault, wanted, pids, observer, rng):
        """Waits for a moment when somebody is in the wanted state, and lets the fault happen then, or after a while without.
        What everybody was in the middle of."""
        for attempts_left in reversed(range(300)):
            with self.stopped(pids):
                states = look(observer, pids)
                if wanted in states.values() or attempts_left == 0:
                    victims = [pid for pid in pids if states.get(pid) == wanted] or pids
                    self._happen(fault, rng.choice(victims))
                    return {state for state in states.values() if state}
            time.sleep(rng.random() * 0.01)

    def _happen(self, fault, victim):
        match fault:
            case "kill backend": os.kill(victim, signal.SIGKILL)
            case "kill postmaster": os.kill(self.postmaster(), signal.SIGKILL)
            case "immediate shutdown":
                os.kill(self.postmaster(), signal.SIGQUIT)
                while not is_pending(victim, signal.SIGQUIT):  # then nobody goes on before he dies
                    time.sleep(0.001)
            case "full disk": self.fill()

    def fill(self):
        with open(self.filler, "wb") as file:
            while space := os.statvfs(self.home).f_bavail:
                with contextlib.suppress(OSError):  # somebody took of it meanwhile
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), space * os.statvfs(self.home).f_frsize)

    def make_room(self):
        self.filler.unlink(missing_ok=True)


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def is_pending(pid, number):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:  # it has had its effect
        return True
    return int(re.search(r"^ShdPnd:\s*(\w+)", status, re.M).group(1), 16) >> (number - 1) & 1


def look(observer, pids):
    """Each client's state. Whoever was stopped with a lock inside the server that looking needs goes on for it."""
    freed = threading.Timer(0.5, signal_all, (pids, signal.SIGCONT))
    freed.start()
    rows = observer.execute(LOOK, [pids]).fetchall()
    in_time = freed.is_alive()
    freed.cancel()
    return {row.pid: row.state for row in rows} if in_time else {}
