"""A person's way through an application, with psycopg 3. docs/clients/psycopg.md shows the parts between "[...]" and
"[end]"; tests/tap/clients.t runs it all, through PgBouncer, with mails by examples/mailer.py."""
# [connect]
from contextlib import contextmanager

import psycopg
from psycopg.rows import namedtuple_row


def connect(user="web"):  # a member of roughly_app; PGHOST and the rest say where
    # autocommit: a statement without a transaction around it is one of its own.
    # prepare_threshold=None: no named statements; PgBouncer before 1.21 cannot keep them apart.
    return psycopg.connect(user=user, autocommit=True, prepare_threshold=None, row_factory=namedtuple_row)
# [end]


# [acting_as]
class NotLoggedIn(Exception):
    pass


@contextmanager
def acting_as(db, token):
    """One transaction as the person whose token it is."""
    with db.transaction():
        session = db.execute("SELECT * FROM roughly_authenticate(%s)", [token]).fetchone()
        if session.user_id is None:
            raise NotLoggedIn
        yield session
# [end]


# [register]
def register(db, email, password):
    status, reasons = db.execute("SELECT * FROM roughly_register_user(%s, %s)", [email, password]).fetchone()
    return f"{status}: {','.join(reasons)}" if status == "weak_password" else status  # check_email, whoever has the address


def confirm(db, token, password):
    """The page behind the mailed link asks for the password, so that what somebody else chose for this address is dropped."""
    return db.execute("SELECT status FROM roughly_confirm_user(%s, %s)", [token, password]).fetchone().status
# [end]


# [log_in]
def log_in(db, email, password, user_agent=None, ip=None):
    opened = db.execute("SELECT * FROM roughly_log_in(%s, %s, %s, %s)", [email, password, user_agent, ip]).fetchone()
    match opened.status:
        case "ok":
            return {"cookie": opened.session_token, "expires": opened.expires_at}
        case "mfa_required":
            return {"ask_for_code": opened.session_token}  # roughly_log_in_with_code
        case problem:  # invalid_credentials, throttled, banned, busy
            return {"problem": problem}


def log_out(db, token):
    db.execute("SELECT roughly_log_out(%s)", [token])
# [end]


# [renew]
def renew(db, token):
    """Once per request that shows a page: a new cookie when it is time for one, else None."""
    with acting_as(db, token) as session:
        due = session.reissue
    return db.execute("SELECT new_token, expires_at FROM roughly_reissue_session(%s)", [token]).fetchone() if due else None
# [end]


# [profile]
def save_profile(db, token, profile):
    with acting_as(db, token):
        db.execute("SELECT roughly_set_profile(%s)", [psycopg.types.json.Jsonb(profile)])


def profile_of(db, token):  # row-level security leaves one's own row
    with acting_as(db, token):
        return db.execute("SELECT birth_year, country FROM roughly.user_profiles").fetchone()
# [end]


# [vote]
def vote(db, token, question, choice):
    try:
        with acting_as(db, token):
            db.execute("SELECT roughly_cast_vote(%s, %s)", [question, choice])  # and nothing else
        return "counted soon"
    except psycopg.errors.UniqueViolation:
        return "answered before"
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return "not open"
    except psycopg.errors.InsufficientPrivilege:
        return "confirm your address first"


def answers(db, token):
    with acting_as(db, token):
        return db.execute("SELECT prompt, choice FROM roughly_my_answers()").fetchall()
# [end]


# [results]
def results(db, question, by=()):  # no log-in needed
    return db.execute("SELECT slice, choice, votes, respondents FROM roughly_aggregate(%s, %s::text[])", [question, list(by)]).fetchall()
# [end]


# [publish]
def publish(admin):
    """What a scheduler does every minute, with a role that is a member of roughly_admin. Not in a transaction: it commits."""
    admin.execute("CALL roughly_publish_due()")
# [end]


def mailed_token(folder, recipient, kind):
    import email, email.policy, pathlib, re, time
    for _ in range(200):
        for file in pathlib.Path(folder).glob("*.eml"):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            link = re.search(f"/{kind}/(\\S+)", mail.get_content())
            if link and mail["To"] == recipient:
                return link[1]
        time.sleep(0.1)
    raise TimeoutError(f"no mail for {recipient}")


def main(email, question, folder, password="correct horse battery staple"):
    with connect() as db, connect("pollster") as admin:
        print("register:", register(db, email, "password"))
        print("register:", register(db, email, password))
        print("confirm:", confirm(db, mailed_token(folder, email, "confirm"), password))
        print("wrong password:", log_in(db, email, "not the password at all")["problem"])
        cookie = log_in(db, email, password, "flow", "192.0.2.1")["cookie"]
        print("renewed:", "yes" if renew(db, cookie) else "not yet")
        save_profile(db, cookie, {"country": "NL", "birth_year": 1990})
        print("profile:", *profile_of(db, cookie))
        print("vote:", vote(db, cookie, question, "spaces"))
        print("second vote:", vote(db, cookie, question, "tabs"))
        print("answers:", ", ".join(f"{a.prompt} {a.choice}" for a in answers(db, cookie)))
        print("results:", len(results(db, question)))
        publish(admin)
        print("results:", ", ".join(f"{r.choice} {r.votes}/{r.respondents}" for r in results(db, question)))
        log_out(db, cookie)
        try:
            print("logged out:", answers(db, cookie))
        except NotLoggedIn:
            print("logged out:", "yes")


if __name__ == "__main__":
    import os
    main(os.environ["EMAIL"], os.environ["QUESTION"], os.environ["MAIL_DIR"])
