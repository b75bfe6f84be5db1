"""What a publisher has shown, as a matrix that an analyst can compute with, and the publishers ours is compared with."""
import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy


@dataclass(frozen=True)
class Respondent:
    profile: tuple
    choice: str
    release: int  # the one that counted this person


def covers(cell, profile):
    """A cell is a set of (dimension, value)."""
    return all(profile[dimension] == value for dimension, value in cell)


class Publication:
    """Everything ever published about one question.

    A kind is all respondents whom no published number tells apart; `sizes` says how many they are, `truth` how they chose,
    `kind` of which each respondent is. `numbers[cell][moment]` holds 1 for the kinds that a published number is about, and
    what it says is checked against `truth` here, once: so whatever is computed from these vectors is computed from the votes.
    `rows` and `votes` are the same as a matrix, each number less its predecessor: the same combinations, in sparser rows.
    """

    def __init__(self, respondents, choices, seen):
        self.respondents = respondents
        names = sorted({(person.profile, person.release) for person in respondents}, key=repr)
        names.sort(key=lambda name: -name[1])  # latest first: a number is not about who came later; elimination stays sparse
        released = numpy.array([release for _, release in names])
        has = {(d, value): numpy.array([profile[d] == value for profile, _ in names])
               for d in range(len(names[0][0])) for value in {profile[d] for profile, _ in names}}
        ordered = sorted(seen.items(), key=lambda item: (item[0][1], repr(sorted(item[0][0], key=repr))))
        matrix = numpy.ones((len(ordered), len(names)), dtype=bool)
        for row, ((cell, moment), _) in zip(matrix, ordered):
            row &= released <= moment
            for part in cell:
                row &= has[part]
        _, first, kinds = numpy.unique(matrix, axis=1, return_index=True, return_inverse=True)
        order = numpy.argsort(first)  # kinds in the order of their first names
        matrix = matrix[:, first[order]].astype(numpy.int64)
        place = numpy.argsort(order)[kinds]
        kind_of = dict(zip(names, place))
        self.kind = numpy.array([kind_of[person.profile, person.release] for person in respondents])
        self.sizes = numpy.bincount(self.kind)
        self.truth = numpy.zeros((len(self.sizes), len(choices)), dtype=numpy.int64)
        numpy.add.at(self.truth, (self.kind, [choices.index(person.choice) for person in respondents]), 1)
        votes = numpy.array([numbers for _, numbers in ordered], dtype=numpy.int64).reshape(len(ordered), len(choices))
        if (matrix @ self.truth != votes).any():
            raise AssertionError('a published number is not what was cast')

        self.numbers, self.rows, self.votes = defaultdict(dict), matrix.copy(), votes.copy()
        before = {}
        for place, ((cell, moment), _) in enumerate(ordered):
            self.numbers[cell][moment] = matrix[place]
            if cell in before:
                self.rows[place] -= matrix[before[cell]]
                self.votes[place] -= votes[before[cell]]
            before[cell] = place


def group_by(respondents, choices, max_dims, threshold=1):
    """SELECT ..., count(*) GROUP BY CUBE (...) HAVING count(*) >= threshold, read whenever somebody has been released."""
    views = [view for size in range(max_dims + 1) for view in itertools.combinations(range(len(respondents[0].profile)), size)]
    arrivals = defaultdict(list)
    for person in respondents:
        arrivals[person.release].append(person)
    counts, seen = defaultdict(Counter), {}
    for release, batch in sorted(arrivals.items()):
        touched = set()
        for person in batch:
            for view in views:
                cell = frozenset((d, person.profile[d]) for d in view)
                counts[cell][person.choice] += 1
                touched.add(cell)
        for cell in touched:
            if counts[cell].total() >= threshold:
                seen[cell, release] = tuple(counts[cell][choice] for choice in choices)
    return Publication(respondents, choices, seen)
