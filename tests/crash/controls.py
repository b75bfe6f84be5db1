"""Damage done by hand, which the checks must notice: else their silence would mean nothing."""
import contextlib

FLIP = "set_byte({0}, 40, get_byte({0}, 40) # 1)"
PLANTS = {  # what is done: table, statement; $ stands for the question
    "a mail deleted": ("mail_outbox", "DELETE FROM roughly.mail_outbox"),
    "a waiting ballot deleted": ("ballots", "DELETE FROM roughly.ballots WHERE id = (SELECT min(id::text)::uuid FROM roughly.ballots WHERE question_id = $)"),
    "a ballot put in by hand": ("ballots", "INSERT INTO roughly.ballots SELECT question_id, gen_random_uuid(), sealed FROM roughly.ballots WHERE question_id = $ LIMIT 1"),
    "a vote deleted": ("votes", "DELETE FROM roughly.votes WHERE voter_tag = (SELECT min(voter_tag::text)::uuid FROM roughly.votes WHERE question_id = $)"),
    "a receipt changed": ("votes", f"UPDATE roughly.votes SET receipt = {FLIP.format('receipt')} WHERE question_id = $"),
    "a batch changed": ("batches", f"UPDATE roughly.batches SET sealed = {FLIP.format('sealed')}"),
    "a batch deleted": ("batches", "DELETE FROM roughly.batches WHERE batch_no = 1"),
    "a tally changed": ("tallies", f"UPDATE roughly.tallies SET sealed = {FLIP.format('sealed')}"),
    "a release changed": ("releases", "UPDATE roughly.releases SET cells = set_byte(cells, length(cells) - 1, get_byte(cells, length(cells) - 1) # 1) WHERE release_no = 1"),
    "a release deleted": ("releases", "DELETE FROM roughly.releases WHERE release_no = 1"),
}


@contextlib.contextmanager
def planted(db, table, statement, question):
    """Does it, and puts the table back as it was."""
    db.execute(f"CREATE TEMP TABLE saved AS TABLE roughly.{table}")
    db.execute(statement.replace("$", f"'{question.id}'"))
    try:
        yield
    finally:
        db.execute(f"DELETE FROM roughly.{table}; INSERT INTO roughly.{table} TABLE saved; DROP TABLE saved")
