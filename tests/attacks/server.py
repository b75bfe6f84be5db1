"""The extension, driven through SQL and nothing else: accounts, votes, publishing, and what a reader can see."""
import itertools
import json
import math
from collections import defaultdict
from dataclasses import dataclass, field

import psycopg
from people import PROFILE_KEYS, DataSet
from psycopg.rows import namedtuple_row
from psycopg.sql import SQL, Literal
from psycopg.types.json import Jsonb
from publications import Publication, Respondent

# One transaction per vote, as docs/threat-model.md asks for; in one statement, so that a survey takes seconds.
CAST = """
DO $do$
DECLARE
  voter jsonb;
BEGIN
  FOR voter IN SELECT jsonb_array_elements({voters}) LOOP
    PERFORM roughly_authenticate(voter ->> 0);
    PERFORM roughly_set_profile(voter -> 1);
    COMMIT;
    PERFORM roughly_authenticate(voter ->> 0);
    PERFORM roughly_cast_vote({question}, voter ->> 2);
    COMMIT;
  END LOOP;
END $do$"""


class Server:
    """One cluster with the extension, and its people, who log in once and take part in every poll."""

    def __init__(self):
        self.superuser, self.admin, self.app, self.mailer, self.reader = map(
            self.connect, ('postgres', 'admin', 'app', 'mailer', 'reader'))
        self.tokens = []
        self.addresses = (f'person{n}@example.org' for n in itertools.count())

    @staticmethod
    def connect(user):
        return psycopg.connect(user=user, autocommit=True, row_factory=namedtuple_row)

    def people(self, count):
        """Session tokens of at least `count` people, the same in every poll."""
        self.tokens += self.newcomers(count - len(self.tokens))
        return self.tokens

    def newcomers(self, count, age='0'):
        """Session tokens of `count` new people, their accounts that old. They log in by mailed link: no password to hash."""
        tokens = []
        while len(tokens) < count:
            some = list(itertools.islice(self.addresses, min(500, count - len(tokens))))
            self.admin.execute("SELECT roughly_admin_import_user(e) FROM unnest(%s::text[]) e", [some])
            self.app.execute("SELECT roughly_request_magic_link(e) FROM unnest(%s::text[]) e", [some])
            links = self.mailer.execute("SELECT id, token FROM roughly_dequeue_mail(1000)").fetchall()
            self.mailer.execute("SELECT roughly_mail_sent(i) FROM unnest(%s::uuid[]) i", [[link.id for link in links]])
            opened = self.app.execute(
                "SELECT l.status, l.session_token, l.user_id FROM unnest(%s::text[]) t, roughly_log_in_with_magic_link(t) l",
                [[link.token for link in links]]).fetchall()
            if len(opened) != len(some) or any(person.status != 'ok' for person in opened):
                raise RuntimeError('not everybody could log in')
            self.superuser.execute("UPDATE roughly.users SET inserted_at = inserted_at - %s::interval WHERE id = ANY(%s)",
                                   [age, [person.user_id for person in opened]])
            tokens += [person.session_token for person in opened]
        return tokens

    def define(self, data):
        """The dimensions of a data set that the extension does not bring along."""
        known = {row.name for row in self.admin.execute("SELECT name FROM roughly_dimensions()")}
        for place, name in enumerate(data.dimensions):
            if name not in known:
                categories = sorted({profile[place] for profile, _ in data.people if profile[place] is not None})
                self.admin.execute("SELECT roughly_add_dimension(%s, %s, %s)", [name, f'extra.{name}', categories])


@dataclass
class Poll:
    """One question, and everything a reader has ever seen of it."""
    server: Server
    data: DataSet
    k: int = 10
    min_batch: int = None
    growth: float = 0.5
    max_dims: int = 2
    policy: dict = field(default_factory=dict)   # more of it, by the arguments' names
    arrived: int = 0
    release: int = 0
    counted: list = field(default_factory=list)  # respondents, with the release that counted them
    seen: dict = field(default_factory=dict)     # (cell, as_of) -> votes per choice

    def __post_init__(self):
        self.server.define(self.data)
        self.min_batch = self.min_batch or 2 * self.k
        policy = {'k': self.k, 'min_batch': self.min_batch, 'growth': self.growth, 'max_wait': None, 'max_dims': self.max_dims,
                  **self.policy}
        self.question = self.server.admin.execute(
            f"SELECT roughly_create_question(%s, %s, %s, {', '.join(f'{name} => %s' for name in policy)})",
            [self.data.name, list(self.data.choices), list(self.data.dimensions), *policy.values()]).fetchone()[0]
        self.views = [list(view) for size in range(self.max_dims + 1)
                      for view in itertools.combinations(self.data.dimensions, size)]

    def profile(self, values):
        """A profile that states everything, so that nothing of an earlier poll is left."""
        stated = dict(zip(self.data.dimensions, values))
        own = {name: value for name, value in stated.items() if name not in PROFILE_KEYS}
        return {**{key: stated.get(key) for key in PROFILE_KEYS}, 'extra': own}

    def cast(self, count, voters=None):
        """The next `count` people vote, in accounts of their own: these, or the same as in every poll."""
        end = self.arrived + count
        tokens = voters or self.server.people(end)[self.arrived:end]
        votes = [[token, self.profile(profile), choice]
                 for token, (profile, choice) in zip(tokens, self.data.people[self.arrived:end], strict=True)]
        self.server.app.execute(SQL(CAST).format(
            voters=Literal(json.dumps(votes)), question=Literal(self.question)))
        self.arrived = end

    def publish(self):
        self.server.admin.execute("CALL roughly_publish(%s)", [self.question])

    def close(self):
        self.server.admin.execute("SELECT roughly_close_question(%s)", [self.question])

    def read(self):
        """All that roughly_aggregate shows now: {cell: (as_of, votes per choice)}; a cell is a set of (dimension, value)."""
        rows = self.server.reader.execute(
            "SELECT a.slice, a.choice, a.votes, a.respondents, a.as_of FROM jsonb_array_elements(%s) v,"
            " roughly_aggregate(%s, ARRAY(SELECT jsonb_array_elements_text(v))) a",
            [Jsonb(self.views), self.question]).fetchall()
        votes = defaultdict(dict)
        for row in rows:
            cell = frozenset((self.data.dimensions.index(name), None if value == 'not stated' else value)
                             for name, value in row.slice.items())
            votes[cell, row.as_of, row.respondents][row.choice] = row.votes
        for (cell, _, respondents), numbers in votes.items():
            if sum(numbers.values()) != respondents:
                raise AssertionError(f'the votes of {cell} do not add up')
        return {cell: (as_of, tuple(numbers[choice] for choice in self.data.choices))
                for (cell, as_of, _), numbers in votes.items()}

    def look(self):
        """Reads all and keeps it. A number once published may never change; a new total counts everybody who has voted."""
        shown = self.read()
        for cell, (as_of, votes) in shown.items():
            if self.seen.setdefault((cell, as_of), votes) != votes:
                raise AssertionError(f'{cell} as of {as_of} has changed')
        release, _ = shown.get(frozenset(), (0, ()))
        if release > self.release:
            self.release = release
            self.counted += [Respondent(profile, choice, release)
                             for profile, choice in self.data.people[len(self.counted):self.arrived]]

    def run(self):
        """The whole poll, read after every release."""
        everybody = len(self.data.people)
        while self.arrived < everybody:
            due = max(self.min_batch, math.ceil(self.growth * len(self.counted)))
            self.cast(min(due, everybody - self.arrived))
            if self.arrived == everybody:
                self.close()
            self.publish()
            self.look()
        return self.publication()

    def publication(self):
        return Publication(self.counted, self.data.choices, self.seen)
