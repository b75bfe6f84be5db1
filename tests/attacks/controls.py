"""Attacks that must succeed: an audit that finds nothing is worth as much as what it finds elsewhere."""
import itertools
import random

import attacks
import constructions
import numpy
from people import survey
from publications import Publication, Respondent, group_by
from server import Poll


def _random_publication(draw):
    """Three random cells, as if each were a dimension of its own, over five profiles."""
    profiles = [tuple(draw.choice('01') for _ in range(3)) for _ in range(5)]
    respondents = [Respondent(draw.choice(profiles), draw.choice('ab'), 1) for _ in range(draw.randrange(6, 14))]
    seen = {}
    for dimension in range(3):
        value = max(person.profile[dimension] for person in respondents)
        inside = [person.choice for person in respondents if person.profile[dimension] == value]
        seen[frozenset({(dimension, value)}), 1] = (inside.count('a'), inside.count('b'))
    return Publication(respondents, 'ab', seen)


def _smallest(publication, numbers):
    people = (numbers != 0) @ publication.sizes
    return people[people > 0].min(initial=publication.sizes.sum())


def _by_force(publication):
    """Smallest groups over the rationals and modulo 2, 3, 4, 5, by trying all coefficients. Minors of three rows of 0 and 1
    are at most 2: coefficients of -2 to 2 meet every direction of smallest support, halves every integer-valued vector."""
    def combinations(coefficients):
        return numpy.array(list(itertools.product(coefficients, repeat=3))) @ publication.rows
    answers = {0: _smallest(publication, combinations(range(-2, 3)))}
    for m in (2, 3, 4, 5):
        twice = combinations(range(2 * m))
        answers[m] = _smallest(publication, twice[(twice % 2 == 0).all(axis=1)] // 2 % m)
    return answers


def algebra(report):
    """The audit against brute force, on polls that are small enough."""
    wrong, differ = [], 0
    for seed in range(200):
        publication = _random_publication(random.Random(f'algebra {seed}'))
        expected = _by_force(publication)
        k = int(publication.sizes.sum())
        got = {0: attacks.rational(publication, k, True).smallest}
        for m, prime in ((2, 2), (3, 3), (4, 2), (5, 5)):
            got[m] = attacks.modular(publication, k, prime, True).smallest
        differ += expected[2] != expected[0]
        if got != expected:
            wrong.append((seed, got, expected))
    report.ok(not wrong, 'audit = brute force over the rationals and modulo 2, 3, 4, 5, on 200 small polls', wrong[:3])
    report.ok(differ > 0, f'in {differ} of them arithmetic modulo 2 finds less people', differ)


def power(report, server):
    """What is known to be there is found."""
    data = survey('anes96')
    publication = Poll(server, data, k=5).run()
    found = {k: attacks.rational(publication, k, True) for k in (5, 10)}
    report.ok(found[5].people == 0 and found[10].people > 0 and 5 <= found[10].smallest < 10,
              'a poll of k = 5 audited for k = 10: groups of 5 to 9 are found, and none below 5', found)

    data = constructions.left_behind(10)
    ours = Poll(server, data, min_batch=30).run()
    threshold = group_by(ours.respondents, data.choices, 1, 10)
    report.ok(attacks.one_step(threshold, 10).alone == 1, 'left behind: a threshold gives the one person away')
    report.ok(attacks.rational(ours, 10, True).people == 0, 'left behind: roughly_auth does not')

    data = constructions.parity(10)
    ours = Poll(server, data, max_dims=1, min_batch=len(data.people)).run()
    weaker, model = (constructions.witness_model(data, 10, unimodular) for unimodular in (False, True))
    report.ok(attacks.modular(weaker, 10, 2, True).alone == 1,
              'parity: published without "1 or -1", arithmetic modulo 2 finds the one person')
    report.ok(attacks.rational(weaker, 10, True).people == attacks.modular(weaker, 10, 3, True).people == 0,
              'parity: arithmetic over the rationals and modulo 3 does not')
    for name, publication in (('the model with "1 or -1"', model), ('roughly_auth', ours)):
        report.ok(attacks.modular(publication, 10, 2, True).people == 0, f'parity: {name} gives nobody away')
