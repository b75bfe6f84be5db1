#!/usr/bin/python3
"""A small mailer for roughly_auth: takes mails out of the outbox and writes each as an .eml file.

To send them instead, replace deliver(). Needs Debian's python3-psycopg and a role that is a member of roughly_mailer:

    GRANT roughly_mailer TO postman;
    PGUSER=postman PGDATABASE=polls examples/mailer.py --link-base https://polls.example.org /var/spool/polls
"""
import argparse
import base64
import logging
import os
import pathlib
import time
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import localtime, make_msgid

import psycopg
from psycopg.rows import namedtuple_row

# Mail programs open links to look at them: let the page behind a link ask for a click before it uses the token.
TEXTS = {
    "confirm": ("Confirm your e-mail address", "Welcome! Please confirm your address until {expires}:\n\n{link}\n"),
    "someone_tried": ("You have an account already",
                      "Somebody, perhaps you, tried to register with your address. You have an account: just log in.\n"),
    "magic_link": ("Log in", "This link logs you in, once, until {expires}:\n\n{link}\n"),
    "reset_password": ("Choose a new password", "This link sets a new password until {expires}:\n\n{link}\n"),
    "change_email": ("Confirm your new e-mail address", "This link moves your account to this address until {expires}:\n\n{link}\n"),
    "reauthenticate": ("Your code", "Enter this code to go on, until {expires}:\n\n{token}\n\nDid you not ask for it? Change your password.\n"),
    "email_change_requested": ("Your e-mail address is to change",
                               "Somebody asked to move your account to another address. Was it not you? Change your password.\n"),
    "email_changed": ("Your e-mail address has changed", "Your account has moved to another address. Was it not you? Write to us.\n"),
    "password_changed": ("Your password has changed", "Was it not you? Ask for a new one on the log-in page.\n"),
}


def opened(token, key):
    """The token that the server sealed for the key whose public half is in <key_file>.mailer."""
    from nacl.public import PrivateKey, SealedBox  # Debian: python3-nacl
    return SealedBox(PrivateKey(key)).decrypt(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))).decode()


def compose(mail, options):
    if options.key and mail.token:
        mail = mail._replace(token=opened(mail.token, options.key))
    subject, text = TEXTS[mail.kind]
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = options.sender
    # An address and nothing else: in a plain header "x<victim@example.org>" would be a name with another address.
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = subject
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid()  # a mail that comes again has another token, and must not be dropped as a copy
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.format(
        link=f"{options.link_base}/{mail.kind}/{mail.token}", token=mail.token,
        expires=mail.expires_at.strftime("%d %B, %H:%M %Z") if mail.expires_at else ""), cte="8bit")  # folds no line
    return message


def deliver(mail, message, folder):
    unfinished = folder / f".{mail.id}"
    unfinished.write_bytes(message.as_bytes())
    unfinished.rename(folder / f"{mail.id}.eml")


def empty_outbox(db, options):
    """Until nothing is due. A mail is taken in one transaction and reported as sent in another: should we die in
    between, it comes again. One that fails does too, a minute later at first, ten times at most."""
    while mails := db.execute("SELECT * FROM roughly_dequeue_mail(%s)", [options.batch]).fetchall():
        for mail in mails:
            try:
                deliver(mail, compose(mail, options), options.folder)
            except Exception as error:  # one bad mail must not keep the others; no token in the log
                logging.error("mail %s (%s) failed: %s", mail.id, mail.kind, type(error).__name__)
                continue
            db.execute("SELECT roughly_mail_sent(%s)", [mail.id])


def main():
    parser = argparse.ArgumentParser(description="Writes the mails of roughly_auth as .eml files into a folder.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--dsn", default="", help="libpq connection string; default: PGHOST, PGUSER, ...")
    parser.add_argument("--link-base", default="https://localhost", help="what links start with")
    parser.add_argument("--sender", default="no-reply@localhost")
    parser.add_argument("--key", type=lambda path: bytes.fromhex(pathlib.Path(path).read_text()),
                        help="file with our secret key, 64 hexadecimal digits, when the server seals tokens for us")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--every", type=float, default=5, help="seconds between looks into the outbox")
    parser.add_argument("--once", action="store_true", help="stop when nothing is due")
    options = parser.parse_args()
    os.umask(0o077)  # mails carry tokens
    while True:
        try:
            # autocommit: every statement is a transaction
            with psycopg.connect(options.dsn, autocommit=True, prepare_threshold=None, row_factory=namedtuple_row) as db:
                empty_outbox(db, options)
                while not options.once:
                    time.sleep(options.every)
                    empty_outbox(db, options)
                return
        except psycopg.Error as error:  # the server restarts, or two mailers met at one address: come back
            if options.once:
                raise
            logging.error("%s", error.diag.message_primary or error)
            time.sleep(options.every)


if __name__ == "__main__":
    main()
