"""Crashes under load, and what is left. TAP. Called by tests/crash/run, with a server that is up:
  crash.py HOME ROUNDS SEED"""
import math
import os
import random
import sys
import time
from collections import Counter

import psycopg
from checks import Checks
from controls import PLANTS, planted
from key_file import KeyFile
from ledger import CHOICES, K, Ledger
from load import POLICIES, Load, ask_question, cast, deliver, invite
from server import FAULTS, STATES, Server, connect


class Tap:
    count = failures = 0

    def report(self, right, description, *diagnosis):
        self.count += 1
        self.failures += not right
        print(f"{'ok' if right else 'not ok'} {self.count} - {description}", flush=True)
        for line in "\n".join(diagnosis).splitlines():
            print(f"#   {line}", flush=True)

    def silence(self, ledger, description):
        self.report(not ledger.complaints, description, *ledger.complaints[:20])
        ledger.complaints.clear()

    def complaint(self, ledger, description):
        self.report(bool(ledger.complaints), description, *ledger.complaints[:1])
        ledger.complaints.clear()


class Crashes:
    def __init__(self, home, rng):
        self.rng, self.tap, self.ledger, self.server = rng, Tap(), Ledger(), Server(home)
        self.hit = Counter()  # (fault, state) -> in how many rounds somebody was in that state when it happened
        self.faults = [fault for fault in FAULTS if fault != "full disk" or os.path.ismount(home)]

    def run(self, rounds):
        keys = KeyFile(self.server, self.tap, self.ledger)
        keys.creation()
        self.prepare()
        keys.rotation(lambda: self.check(self.ledger.voters()[:10], rotated=True))
        for number, (fault, wanted) in enumerate(self.schedule(rounds), 1):
            self.one_round(number, fault, wanted)
        with Checks(self.server, self.ledger, self.rng) as checks:
            checks.finish()
            self.tap.silence(self.ledger, "in the end every vote is counted once, and everything opens")
            self.report()
            self.control(checks)
        for fault in set(FAULTS) - set(self.faults):
            self.tap.report(True, f"{fault} # SKIP needs root")

    def prepare(self):
        """People and questions to begin with, and some votes."""
        with connect() as db:
            for _ in range(80):
                invite(db, self.ledger.newcomer(None))
                deliver(db, self.ledger)
            for policy in POLICIES:
                ask_question(db, self.ledger, policy)
            for question in self.ledger.by_state("open"):
                for person in self.ledger.voters()[:7]:
                    cast(db, self.ledger, person, question, self.rng.choice(CHOICES))

    def schedule(self, rounds):
        """Every fault meets every state before any pair comes again; few rounds have every fault and every state."""
        faults, states = (self.rng.sample(all_of_them, len(all_of_them)) for all_of_them in (self.faults, STATES))
        together = math.lcm(len(faults), len(states))
        return [(faults[n % len(faults)], states[(n + n // together) % len(states)]) for n in range(rounds)]

    def one_round(self, number, fault, wanted):
        load = Load(self.ledger, self.rng, rotating=wanted == "rotate", disk_fills=fault == "full disk")
        observer = connect("observer")
        load.start()
        time.sleep(0.3 + self.rng.random() * 0.7)
        states = self.server.strike(fault, wanted, load.pids(), observer, self.rng)
        if fault == "full disk":
            self.live_without_room(load, observer)
        else:
            load.await_the_end()
        load.finish()
        observer.close()
        self.hit.update((fault, state) for state in states)
        self.ledger.figures[f"rounds: {fault}"] += 1
        self.ledger.figures["votes in doubt"] += len(self.ledger.doubtful)
        self.server.up()
        self.check(load.busy, rotated=wanted == "rotate")
        self.tap.silence(self.ledger, f"round {number}: {fault} during {', '.join(sorted(states)) or 'nothing'} (wanted: {wanted})")

    def live_without_room(self, load, observer):
        """Until somebody has noticed; every other time the log needs room too, and the server panics."""
        load.met_full_disk.wait(5)
        self.ledger.figures["full disks that clients met"] += load.met_full_disk.is_set()
        if self.rng.random() < 0.5:
            try:
                for _ in range(10):
                    observer.execute("SELECT pg_switch_wal()")
            except psycopg.OperationalError:
                self.ledger.figures["full disks that made the server panic"] += 1
        self.server.make_room()
        time.sleep(0.3)  # who has survived goes on

    def check(self, people, rotated):
        with Checks(self.server, self.ledger, self.rng) as checks:
            checks.all(people, self.ledger.by_state("open", "closing", "closed"), rotated)

    def control(self, checks):
        """Each check can fail."""
        ledger = self.ledger
        ask_question(checks.db, ledger, POLICIES[-1])
        question = ledger.by_state("open")[-1]
        people = ledger.voters()[:K + 1]
        for person in people:
            cast(checks.db, ledger, person, question, self.rng.choice(CHOICES))
        questions = [question, *ledger.by_state("counted")[:2]]
        invite(checks.db, ledger.newcomer(None))
        for damage, (table, statement) in PLANTS.items():
            with planted(checks.db, table, statement, question):
                checks.all(people, questions)
            self.tap.complaint(ledger, f"control: {damage} is noticed")
        choice = ledger.votes.pop((people[0], question))
        checks.all(people, questions)
        self.tap.complaint(ledger, "control: a vote that nobody cast is noticed")
        ledger.votes[people[0], question] = choice
        checks.all(people, questions)
        self.tap.silence(ledger, "and nothing once all is put right")

    def report(self):
        figures = self.ledger.figures
        figures["votes acknowledged"] = len(self.ledger.votes) - figures["votes in doubt, found cast"]
        figures["accounts"] = len(self.ledger.voters())
        figures["questions"] = len(self.ledger.questions)
        figures["releases seen"] = len(self.ledger.releases)
        for name, figure in sorted(figures.items()):
            print(f"# {name}: {figure}")
        print(f"# {'under way when it happened':28}{''.join(f'{state:>10}' for state in STATES)}")
        for fault in self.faults:
            print(f"# {fault:28}{''.join(f'{self.hit[fault, state]:>10}' for state in STATES)}")


def main(home, rounds, seed):
    print(f"# {rounds} rounds, seed {seed}", flush=True)
    crashes = Crashes(home, random.Random(seed))
    started = time.monotonic()
    crashes.run(rounds)
    print(f"# {time.monotonic() - started:.0f} seconds")
    print(f"1..{crashes.tap.count}")
    return crashes.tap.failures


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])) > 0)
