"""Crashes and errors at each system call that changes the key file or its folder, one after the other. strace is what makes
them happen, so that no moment is missed."""
import re
import signal
import stat
import subprocess
from collections import Counter

import psycopg
from server import connect

CALLS = "openat,write,fsync,fchmod,fchown,ftruncate,link,linkat,rename,renameat,renameat2,unlink,unlinkat"


def traced(options, statement):
    """Runs it in a connection whose backend is under strace. What strace saw, the error, and whether the backend died."""
    with connect("traced") as db:
        pid = str(db.info.backend_pid)
        strace = subprocess.Popen(["strace", "-y", "-p", pid, *(option.replace("PID", pid) for option in options)],
                                  stderr=subprocess.PIPE, text=True)
        if "attached" not in (said := strace.stderr.readline()):
            raise RuntimeError(f"strace: {said}")
        error = None
        try:
            db.execute(statement)
        except psycopg.Error as raised:
            error = raised
        died = db.closed
        if not died:
            strace.send_signal(signal.SIGINT)
        return strace.communicate()[1].replace(pid, "PID"), error, died


class KeyFile:
    def __init__(self, server, tap, ledger):
        self.server, self.tap, self.ledger = server, tap, ledger

    def calls(self, statement):
        """The calls that change something: their names, each with its ordinal among those of the name. And what files they touch."""
        seen, paths, calls = Counter(), set(), []
        for line in traced(["-e", f"trace={CALLS}"], statement)[0].splitlines():
            of_line = {path for path in re.findall(rf'[<"]({self.server.home}[^">]*)', line)
                       if path != str(self.server.data) and not path.startswith(f"{self.server.data}/")}
            if of_line:
                paths |= of_line
                name = line.split("(")[0]
                seen[name] += 1
                if "O_RDONLY" not in line:
                    calls.append((name, seen[name]))
        return calls, [option for path in sorted(paths) for option in ("-P", path)]

    def disturb(self, what, statement, before, after):
        """Runs the statement as often as it makes calls, twice: the server is killed at the call; the call fails for want of room."""
        before()
        calls, paths = self.calls(statement)
        names = ", ".join(name for name, _ in calls)
        for name, nth in calls:
            before()
            _, _, died = traced(["-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={nth}", *paths], statement)
            if not died:
                self.ledger.complain(f"nobody was killed at {name} {nth}")
            self.server.up()
            after()
            self.ledger.figures["drafts of the key file left by kills"] += len(self.drafts())
            self.remove_drafts()
        self.tap.silence(self.ledger, f"{what}: killed at {names}")
        calls = [call for call in calls if not call[0].startswith("unlink")]  # what cannot be removed stays
        names, failed = ", ".join(name for name, _ in calls), 0
        for name, nth in calls:
            before()
            _, error, died = traced(["-e", f"trace={name}", "-e", f"inject={name}:error=ENOSPC:when={nth}", *paths], statement)
            failed += error is not None
            if died:
                self.ledger.complain(f"the server died for want of room at {name} {nth}")
            if drafts := self.drafts():
                self.ledger.complain(f"for want of room at {name} {nth}, {drafts} was left")
            after()
        self.tap.silence(self.ledger, f"{what}: no room at {names} ({failed} of them said so)")

    def drafts(self):
        return sorted(path.name for path in self.server.home.glob(f"{self.server.key_file.name}?*"))

    def remove_drafts(self):
        for name in self.drafts():
            (self.server.home / name).unlink()

    def check_modes(self):
        for path in self.server.home.glob(f"{self.server.key_file.name}*"):
            if (mode := stat.S_IMODE(path.stat().st_mode)) != 0o600:
                self.ledger.complain(f"{path.name} has mode {mode:o}")

    # --- what is disturbed

    def creation(self):
        """While the database knows no key: afterwards there is a whole key file or none, and one can be made."""
        def before():
            self.server.key_file.unlink(missing_ok=True)

        def after():
            self.check_modes()
            with connect() as db:
                try:
                    db.execute("SELECT roughly.ensure_key_file()")
                except psycopg.Error as error:
                    self.ledger.complain(f"{error}, with {self.drafts()} beside it")

        self.disturb("making the key file", "SELECT roughly.ensure_key_file()", before, after)

    def rotation(self, check):
        """Afterwards everything opens, and the next call finishes what was begun."""
        def after():
            self.check_modes()
            check()

        self.disturb("rotating the key", "CALL roughly_rotate_key()", lambda: None, after)
