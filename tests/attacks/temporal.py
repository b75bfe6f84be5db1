"""Attacks by an analyst who is at the server while the poll runs: reading around each vote, and an administrator who
interrupts publishing."""
import threading
import time

import psycopg
from psycopg.sql import SQL, Identifier, Literal
from publications import Publication, Respondent
from server import Poll


def read_around_votes(server, data, k):
    """Somebody publishes and reads all after every single vote: what ours has shown, each number with the vote after which
    it was first seen."""
    poll = Poll(server, data, k=k)
    shown, seen = {}, {}
    for vote in range(1, len(data.people) + 1):
        poll.cast(1)
        poll.publish()
        now = poll.read()
        seen.update({(cell, vote): votes for cell, (as_of, votes) in now.items() if shown.get(cell, (0,))[0] != as_of})
        shown = now
    return Publication(by_vote(data), data.choices, seen)


def by_vote(data):
    """As if each vote were a release."""
    return [Respondent(profile, choice, place) for place, (profile, choice) in enumerate(data.people, 1)]


# --- interrupted publishing

def refusals(poll):
    """Ways of publishing inside a transaction that could be rolled back: {way: SQLSTATE, or None if it worked}."""
    call = SQL("CALL roughly_publish({})").format(Literal(poll.question))
    ways = {
        'in a transaction block': ["BEGIN", call],
        'after a savepoint': ["BEGIN", "SAVEPOINT s", call],
        'in a block with an exception handler': [
            SQL("DO $$ BEGIN {}; EXCEPTION WHEN no_data_found THEN NULL; END $$").format(call)],
        'in a function': [
            SQL("CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {}; END $$").format(call),
            "SELECT pg_temp.f()"],
        'in a repeatable read transaction': ["BEGIN ISOLATION LEVEL REPEATABLE READ", call],
    }
    answers = {}
    for way, statements in ways.items():
        with poll.server.connect('admin') as admin:
            answers[way] = None
            try:
                for statement in statements:
                    admin.execute(statement)
            except psycopg.Error as error:
                answers[way] = error.sqlstate
            admin.execute("ROLLBACK")
    return answers


def interrupt(poll, stop):
    """Stops a publisher between freezing a batch and releasing it: `stop` is pg_cancel_backend or pg_terminate_backend.
    Returns what a reader saw of the poll meanwhile, and afterwards."""
    def publish():
        try:
            publisher.execute("CALL roughly_publish(%s)", [poll.question])
        except psycopg.Error as error:
            ended.append(error.sqlstate)

    ended, publisher = [], poll.server.connect('admin')
    with poll.server.connect('postgres') as locker, locker.transaction():
        locker.execute("LOCK TABLE roughly.releases IN SHARE MODE")  # lets read, and holds the release up
        running = threading.Thread(target=publish)
        running.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        while not poll.server.superuser.execute(waiting, [publisher.info.backend_pid]).fetchone()[0]:
            time.sleep(0.01)
        meanwhile = poll.read()
        poll.server.superuser.execute(SQL("SELECT {}(%s)").format(Identifier(stop)), [publisher.info.backend_pid])
        running.join()
    publisher.close()
    if not ended:
        raise AssertionError('the publisher was not interrupted')
    return meanwhile, poll.read()
