"""Clients at work: they register, vote, publish, close, read and rotate until they are told to stop or their connection breaks."""
import random
import threading
import time

import psycopg
from ledger import CHOICES, K, Question
from server import NO_SPACE, connect

POLICIES = (  # many small batches, some, and one large one
    "k => 5, min_batch => 5, growth => 0.1, max_wait => NULL",
    "dimensions => '{gender}', k => 5, min_batch => 10, growth => 0.5, max_wait => NULL",
    "dimensions => '{gender,country}', k => 5, growth => 'Infinity', max_wait => NULL",
)
PROFILES = ('{"gender": "female", "country": "FR"}', '{"gender": "male", "country": "DE"}', '{"gender": "female"}', "{}")


# --- what one does, also outside of the load

def ask_question(db, ledger, policy):
    row = db.execute(f"SELECT roughly_create_question('Tea?', %s, {policy}) AS id", [list(CHOICES)]).fetchone()
    ledger.questions[str(row.id)] = Question(str(row.id))


def cast(db, ledger, person, question, choice):
    db.execute("BEGIN; SELECT FROM roughly_authenticate(%s); SELECT roughly_cast_vote(%s, %s)", [person.token, question.id, choice])
    ledger.doubtful[person, question] = choice
    db.execute("COMMIT")
    ledger.votes[person, question] = ledger.doubtful.pop((person, question))


def close(db, ledger, question):
    """Closes it, unless fewer than k ballots wait: those would never be counted, and here every vote must be."""
    db.execute("BEGIN; SELECT FROM roughly.questions WHERE id = %s FOR UPDATE", [question.id])  # nobody freezes meanwhile
    if db.execute("SELECT count(*) FROM roughly.ballots WHERE question_id = %s", [question.id]).fetchone().count < K:
        db.execute("ROLLBACK")
        return
    db.execute("SELECT roughly_close_question(%s), pg_sleep(0.02)", [question.id])  # others wait for it
    question.state = "closing"
    db.execute("COMMIT")
    question.state = "closed"


def invite(db, person):
    """Orders the mail that lets a new person in."""
    if person.password:
        db.execute("SELECT roughly_register_user(%s, %s)", [person.email, person.password])
    else:
        db.execute("SELECT roughly_admin_import_user(%s)", [person.email])
        db.execute("SELECT roughly_request_magic_link(%s)", [person.email])
    person.asked = True


def deliver(db, ledger):
    """Sends what is in the outbox, and people follow their links; how many. What is not reported as sent comes again."""
    mails = db.execute("SELECT * FROM roughly_dequeue_mail(20)").fetchall()
    for mail in mails:
        person = ledger.people[mail.recipient]
        if mail.kind == "confirm":
            must_be_ok(db.execute("SELECT status FROM roughly_confirm_user(%s, %s)", [mail.token, person.password]))
        elif mail.kind == "magic_link":
            enter(db, person, db.execute("SELECT status, session_token FROM roughly_log_in_with_magic_link(%s)", [mail.token]))
        db.execute("SELECT roughly_mail_sent(%s)", [mail.id])
        if person.password and not person.token:
            log_in(db, person)
    return len(mails)


def log_in(db, person):
    enter(db, person, db.execute("SELECT status, session_token FROM roughly_log_in(%s, %s)", [person.email, person.password]))


def enter(db, person, answer):
    token = must_be_ok(answer).session_token
    db.execute("BEGIN; SELECT FROM roughly_authenticate(%s); SELECT roughly_set_profile(%s); COMMIT",
               [token, PROFILES[person.number % len(PROFILES)]])
    person.token = token


def must_be_ok(answer):
    row = answer.fetchone()
    if row.status != "ok":
        raise AssertionError(f"status {row.status}")
    return row


# --- the clients

def keep_warnings(db, warnings):
    db.add_notice_handler(lambda notice: warnings.append(notice.message_primary) if notice.severity_nonlocalized == "WARNING" else None)


class Client(threading.Thread):
    role = "postgres"

    def __init__(self, load, rng, place):
        super().__init__(daemon=True)
        self.load, self.ledger, self.rng, self.place = load, load.ledger, rng, place
        self.db = connect(type(self).__name__.lower(), self.role)
        self.warnings = []
        keep_warnings(self.db, self.warnings)

    def run(self):
        while not self.load.over.is_set():
            try:
                self.step()
            except (psycopg.Error, AssertionError) as error:
                try:
                    self.db.execute("ROLLBACK")
                except psycopg.OperationalError:  # the server is gone, whatever it said last
                    return
                self.excuse(" ".join([*str(error).split(), *self.warnings]))
            self.warnings.clear()

    def excuse(self, error):
        """On a full disk anything may fail, as long as it says why."""
        if self.load.disk_fills and NO_SPACE in error:
            self.load.met_full_disk.set()
        else:
            self.ledger.complain(f"{type(self).__name__}: {error}")

    def rest(self, seconds):
        self.load.over.wait(self.rng.random() * seconds)


class Registrar(Client):
    def step(self):
        invite(self.db, self.ledger.newcomer(self.rng.choice([None, "a password of many letters"])))
        deliver(self.db, self.ledger)
        self.rest(0.1)


class Voter(Client):
    role = "app"

    def step(self):
        mine = self.ledger.voters()[self.place::Load.voters]
        open_to = [(person, question) for question in self.ledger.by_state("open")
                   for person in self.rng.sample(mine, min(len(mine), 5)) if not self.ledger.has_tried(person, question)]
        if not open_to:
            self.db.execute("SELECT 1")  # who only waited would never notice that the server is gone
            self.rest(0.05)
            return
        person, question = self.rng.choice(open_to)
        self.load.busy.add(person)
        try:
            cast(self.db, self.ledger, person, question, self.rng.choice(CHOICES))
        except psycopg.errors.ObjectNotInPrerequisiteState:  # closed meanwhile
            self.db.execute("ROLLBACK")


class Publisher(Client):
    role = "admin"

    def step(self):
        self.db.execute("CALL roughly_publish_due()")
        self.rest(0.02)


class Closer(Client):
    def step(self):
        questions = self.ledger.by_state("open")
        if len(questions) < 4:
            ask_question(self.db, self.ledger, self.rng.choice(POLICIES))
        else:
            close(self.db, self.ledger, self.rng.choice(questions))
        self.rest(0.1)


class Reader(Client):
    def step(self):
        self.ledger.saw(self.db.execute(
            "SELECT question_id::text, view::text, release_no, md5(cells) FROM roughly.releases WHERE question_id = ANY (%s)",
            [[question.id for question in self.ledger.by_state("open", "closing", "closed")]]))
        self.rest(0.02)


class Rotator(Client):
    role = "admin"

    def step(self):
        self.db.execute("CALL roughly_rotate_key()")
        self.ledger.figures["keys rotated"] += 1
        self.rest(0.2)


class Load:
    voters = 4

    def __init__(self, ledger, rng, rotating, disk_fills):
        self.ledger, self.disk_fills = ledger, disk_fills
        self.over, self.met_full_disk = threading.Event(), threading.Event()
        self.busy = set()  # who has voted or tried to
        kinds = [Voter] * self.voters + [Registrar] * 2 + [Publisher] * 2 + [Closer, Reader] + [Rotator] * rotating
        self.clients = [kind(self, random.Random(rng.random()), place) for place, kind in enumerate(kinds)]

    def start(self):
        for client in self.clients:
            client.start()

    def pids(self):
        return [client.db.info.backend_pid for client in self.clients]

    def await_the_end(self):
        """Until everybody has noticed that the server is gone."""
        deadline = time.monotonic() + 120
        for client in self.clients:
            client.join(max(0, deadline - time.monotonic()))
            if client.is_alive():
                self.ledger.complain(f"a {type(client).__name__} is stuck")

    def finish(self):
        self.over.set()
        self.await_the_end()
        for client in self.clients:
            client.db.close()
