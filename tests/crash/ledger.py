"""What the clients know for certain, because the server said so, and what they are in doubt about."""
import threading
from collections import Counter
from dataclasses import dataclass, field

CHOICES = ("tea", "coffee", "water")
K = 5


@dataclass(eq=False)
class Person:
    number: int
    password: str | None     # None: logs in by mailed link
    asked: bool = False      # the server took the order for the mail
    token: str | None = None

    @property
    def email(self):
        return f"person{self.number}@example.org"


@dataclass(eq=False)
class Question:
    id: str
    state: str = "open"      # open, closing (in doubt), closed


@dataclass
class Ledger:
    people: dict = field(default_factory=dict)      # by address
    questions: dict = field(default_factory=dict)   # by id
    votes: dict = field(default_factory=dict)       # (person, question) -> choice: the server said COMMIT
    doubtful: dict = field(default_factory=dict)    # the same, where it said nothing
    releases: dict = field(default_factory=dict)    # (question, view, number) -> digest, as soon as anybody has seen it
    keys: set = field(default_factory=set)          # lines of the key file
    complaints: list = field(default_factory=list)
    figures: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def newcomer(self, password):
        with self.lock:
            person = Person(len(self.people), password)
            self.people[person.email] = person
        return person

    def voters(self):
        return [person for person in list(self.people.values()) if person.token]

    def by_state(self, *states):
        return [question for question in list(self.questions.values()) if question.state in states]

    def has_tried(self, person, question):
        return (person, question) in self.votes or (person, question) in self.doubtful

    def tally(self, question):
        return Counter(choice for (_, asked), choice in self.votes.items() if asked is question)

    def saw(self, rows):
        for question, view, number, digest in rows:
            if self.releases.setdefault((question, view, number), digest) != digest:
                self.complain(f"release {number} of {view} of question {question} has changed")

    def complain(self, text):
        self.complaints.append(text)
