"""What must hold after every crash. Each check tells the ledger what it misses."""
import stat

import psycopg
from ledger import CHOICES
from load import cast, close, deliver, invite, keep_warnings, log_in
from server import connect

NUMBERS = """
SELECT q.id::text, q.state, q.batch - q.release AS frozen,
  (SELECT count(*) FROM roughly.votes v WHERE v.question_id = q.id) AS votes,
  (SELECT count(*) FROM roughly.ballots b WHERE b.question_id = q.id) AS waiting,
  (SELECT COALESCE(jsonb_object_agg(a.choice, a.votes), '{}') FROM roughly_aggregate(q.id) a) AS published,
  roughly_recount(q.id) AS recounted
FROM roughly.questions q WHERE q.id = ANY (%s)"""
RELEASES = "SELECT question_id::text, view::text, release_no, md5(cells) FROM roughly.releases"


class Checks:
    def __init__(self, server, ledger, rng):
        self.server, self.ledger, self.rng = server, ledger, rng

    def __enter__(self):
        self.db, self.admin = connect(), connect(user="admin")
        self.warnings = []
        for db in (self.db, self.admin):
            keep_warnings(db, self.warnings)
        return self

    def __exit__(self, *_):
        self.db.close()
        self.admin.close()

    def all(self, people, questions, rotated=False):
        """Everything, about these people and these questions."""
        checks = [(self.mail,), (self.answers, people), (self.second_votes, people), (self.published,), (self.numbers, questions),
                  (self.releases,), (self.sealed,), (self.key_file,)]
        if rotated:
            checks += [(self.rotation,), (self.answers, people), (self.sealed,), (self.key_file,)]
        for check, *of in checks:
            try:
                check(*of)
            except (psycopg.Error, AssertionError) as error:  # a sealed row that does not open, a question that is stuck
                self.db.execute("ROLLBACK")
                self.ledger.complain(f"{check.__name__}: {error}")
        for warning in self.warnings:
            self.ledger.complain(f"warning: {warning}")
        self.warnings.clear()

    def mail(self):
        """Every order that was taken is mailed, and lets its person in."""
        self.db.execute("UPDATE roughly.mail_outbox SET locked_until = now()")  # the mailer's next try, now
        while deliver(self.db, self.ledger):
            pass
        if left := self.db.execute("SELECT count(*) FROM roughly.mail_outbox").fetchone().count:
            self.ledger.complain(f"{left} mails cannot be sent")
        for person in self.ledger.people.values():
            if person.asked and not person.token and not person.password:
                self.ledger.complain(f"{person.email} got no mail")
            elif person.asked and not person.token:
                log_in(self.db, person)

    def answers(self, people):
        """Everybody finds the votes that were acknowledged and no other; where there was a doubt, it ends here."""
        ledger = self.ledger
        for person in people:
            self.db.execute("BEGIN; SELECT FROM roughly_authenticate(%s)", [person.token])
            found = {str(row.question): row.choice for row in self.db.execute("SELECT question, choice FROM roughly_my_answers()")}
            self.db.execute("COMMIT")
            for question in ledger.questions.values():
                if (doubted := ledger.doubtful.pop((person, question), None)) and question.id in found:
                    ledger.votes[person, question] = doubted
                    ledger.figures["votes in doubt, found cast"] += 1
                choice, voted = found.get(question.id), ledger.votes.get((person, question))
                if choice != voted:
                    ledger.complain(f"{person.email} voted {voted} on {question.id}, and finds {choice}")
        for person, question in ledger.doubtful:
            if person in people:
                ledger.complain(f"{person.email} is still in doubt about {question.id}")

    def second_votes(self, people):
        """Nobody who has voted can vote again."""
        voted = [(person, question) for person, question in self.ledger.votes if person in people and question.state == "open"]
        for person, question in self.rng.sample(voted, min(len(voted), 10)):
            try:
                self.db.execute("BEGIN; SELECT FROM roughly_authenticate(%s); SELECT roughly_cast_vote(%s, %s)",
                                [person.token, question.id, self.rng.choice(CHOICES)])
                self.ledger.complain(f"{person.email} can vote on {question.id} again")
            except psycopg.errors.UniqueViolation:
                pass
            self.db.execute("ROLLBACK")

    def published(self):
        """Counting goes on: nothing is stuck, every ballot and batch opens."""
        frozen = self.db.execute("SELECT count(*) FROM roughly.questions WHERE batch > release").fetchone().count
        self.ledger.figures["batches found frozen and not released"] += frozen
        self.admin.execute("CALL roughly_publish_due()")

    def numbers(self, questions):
        """Every vote is counted once or waits; of a closed question, the published numbers are the votes."""
        ledger = self.ledger
        rows = {row.id: row for row in self.db.execute(NUMBERS, [[question.id for question in questions]])}
        for question in questions:
            row, votes = rows.get(question.id), ledger.tally(question)
            if row is None:
                ledger.complain(f"question {question.id} is gone")
                continue
            if question.state == "closing":
                question.state = "open" if row.state == "open" else "closed"
            published = {choice: row.published.get(choice, 0) for choice in CHOICES}
            if question.state == "open":
                right = row.state == "open" and sum(published.values()) + row.waiting == votes.total() and all(
                    published[choice] <= votes[choice] for choice in CHOICES)
            else:
                right = row.state == "counted" and row.waiting == 0 and published == {choice: votes[choice] for choice in CHOICES}
            if not right or row.frozen or not row.recounted or row.votes != votes.total():
                ledger.complain(f"question {question.id} ({question.state}): cast were {dict(votes)}, the server has {row}")
            elif question.state == "closed":
                question.state = "counted"
                ledger.figures["votes counted and published"] += votes.total()

    def releases(self):
        """What anybody has ever seen is there, unchanged."""
        rows = self.db.execute(RELEASES).fetchall()
        self.ledger.saw(rows)
        for missing in self.ledger.releases.keys() - {tuple(row[:3]) for row in rows}:
            self.ledger.complain(f"release {missing} is gone")

    def sealed(self):
        """The server's own check finds nothing."""
        for row in self.admin.execute("SELECT object, problem FROM roughly_check()"):
            self.ledger.complain(f"roughly_check: {row.object}: {row.problem}")

    def rotation(self):
        """One that was interrupted is finished by the next call."""
        self.admin.execute("CALL roughly_rotate_key()")
        for row in self.admin.execute("SELECT key_id FROM roughly_key_status() WHERE status NOT IN ('active', 'tokens', 'retired') OR NOT in_file"):
            self.ledger.complain(f"key {row.key_id} is still in rotation")

    def key_file(self):
        """The key file is the server's alone and has lost no key."""
        status = self.server.key_file.stat()
        if stat.S_IMODE(status.st_mode) != 0o600 or status.st_uid != self.server.data.stat().st_uid:
            self.ledger.complain(f"the key file has mode {status.st_mode:o} and owner {status.st_uid}")
        keys = {line for line in self.server.key_file.read_text().splitlines() if line.startswith("key ")}
        if lost := self.ledger.keys - keys:
            self.ledger.complain(f"{len(lost)} keys are gone from the key file")
        self.ledger.keys = keys

    # --- the end of it all

    def finish(self):
        """Closes every question with enough ballots that all of them are counted, and checks everything about everybody."""
        for question in self.ledger.by_state("open"):
            while question.state == "open":
                voter = next((p for p in self.ledger.voters() if not self.ledger.has_tried(p, question)), None) or self.newcomer()
                cast(self.db, self.ledger, voter, question, self.rng.choice(CHOICES))
                close(self.db, self.ledger, question)
        self.all(self.ledger.voters(), self.ledger.questions.values())
        for person in self.ledger.voters():
            if person.password:
                log_in(self.db, person)

    def newcomer(self):
        person = self.ledger.newcomer(None)
        invite(self.db, person)
        deliver(self.db, self.ledger)
        return person
