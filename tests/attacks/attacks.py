"""Linear attacks on a publication: who is in a group of fewer than k people whose histogram of choices can be computed."""
import itertools
import random
from dataclasses import dataclass

import numpy
from algebra import Combinations, Groups, P, echelon


@dataclass(frozen=True)
class Found:
    """`people` in groups of fewer than k; `alone` of them are the group, so that their vote is known."""
    people: int
    alone: int
    smallest: int  # people in the smallest group of all

    def __str__(self):
        return f'{self.people} ({self.alone})'


class Findings:
    """Collects groups: sets of kinds that a computed number is about."""

    def __init__(self, publication, k):
        self.sizes, self.k = publication.sizes, k
        self.members = numpy.zeros(len(self.sizes), dtype=bool)
        self.alone = self.members.copy()
        self.smallest = int(self.sizes.sum())

    def add(self, number):
        """A combination of published numbers: how much it weighs each kind."""
        kinds = number != 0
        people = int(self.sizes[kinds].sum())
        if people:
            self.smallest = min(self.smallest, people)
        if 0 < people < self.k:
            self.members |= kinds
        if people == 1:
            self.alone |= kinds

    def join(self, other):
        self.members |= other.members
        self.alone |= other.alone
        self.smallest = min(self.smallest, other.smallest)
        return self

    def found(self):
        return Found(int(self.sizes[self.members].sum()), int(self.alone.sum()), self.smallest)


def _numbers(publication, k):
    findings = Findings(publication, k)
    for moments in publication.numbers.values():
        for number in moments.values():
            findings.add(number)
    return findings


def _differences(publication, k):
    findings, latest = Findings(publication, k), {}
    for moment in sorted({moment for numbers in publication.numbers.values() for moment in numbers}):
        parts_of = {}  # (whole, dimension) -> the parts shown, added up
        for cell, numbers in publication.numbers.items():
            if moment in numbers:
                if cell in latest:
                    findings.add(numbers[moment] - latest[cell])
                latest[cell] = numbers[moment]
        for cell, number in latest.items():
            for dimension, value in cell:
                key = cell - {(dimension, value)}, dimension
                parts_of[key] = parts_of.get(key, 0) + number
        wholes = {}
        for (whole, _), number in parts_of.items():
            wholes.setdefault(whole, [latest[whole]] if whole in latest else []).append(number)
        for alternatives in wholes.values():
            for number, other in itertools.combinations(alternatives, 2):
                findings.add(number - other)
    return findings


def small_cells(publication, k):
    """Numbers as published."""
    return _numbers(publication, k).found()


def one_step(publication, k):
    """Each number less its predecessor; a whole less the parts that are shown, at every moment; the parts of one table
    less the parts of another with the same whole."""
    return _differences(publication, k).found()


def successors(publication, k):
    """Each number less what was shown of the cell before, if anything was."""
    findings = Findings(publication, k)
    for moments in publication.numbers.values():
        before = 0
        for moment in sorted(moments):
            findings.add(moments[moment] - before)
            before = moments[moment]
    return findings.found()


def rational(publication, k, certify=False):
    """Every combination of everything; algebra.Groups says what of it is exact. `certify`: with a proof that what was
    computed modulo a prime is so over the rationals."""
    combinations = Combinations(publication)
    if certify:
        combinations.certify()
    groups = Groups(combinations.echelon, combinations.pivots, P, publication.sizes, k, random.Random(1))
    return _numbers(publication, k).join(_differences(publication, k)).join(groups).found()


def modular(publication, k, prime, certify=False):
    """Every integer-valued combination, modulo a prime; by algebra.py, modulo its powers too. Without `certify` sums of
    published numbers only."""
    if certify:
        combinations = Combinations(publication)
        basis, pivots = combinations.modulo(prime), combinations.pivots
    else:
        basis, pivots, _ = echelon(publication.rows, prime)
    return Findings(publication, k).join(Groups(basis, pivots, prime, publication.sizes, k, random.Random(1))).found()
