"""Polls made so that a weaker rule gives somebody away, and that weaker rule: the positive controls of the audits."""
import numpy
from people import yes_no
from publications import Publication, Respondent, covers


def parity(k):
    """On 000, 110, 101 and 011 the total, a=1, b=1 and c=1 have determinant 2 or -2: the sum of the last three is, modulo 2,
    the vote of the one person with 111."""
    return yes_no('parity', [kind for kind in ('000', '110', '101', '011') for _ in range(k)] + ['111'])


def left_behind(k):
    """One person of 1 among others of 0, then a batch of 0 alone. Of the second batch "0" says nothing that the total does
    not say, and yet the total less "0" is the one person of the first."""
    return yes_no('left_behind', ['1'] + ['0'] * (6 * k - 1))


# Nine kinds of k people and one person. A combination of the total and the eight tables by one dimension is 0 on the
# first eight kinds, 1 or -1 on the ninth and 42 or -42 on the person; found by hill climbing over planes through 0/1 points.
# Each is named after what refuses it: determinants of 1 or -1, or, where these are to be had, the bound on coordinates.
HEAVY = {
    'determinants': '00101110 10011100 11001010 01011111 01101001 11110101 10000011 01000100 00001011 00110010'.split(),
    'coordinates': '01001101 00100110 00111011 11000111 01110100 11101010 10011110 10000000 00111110 10101101'.split(),
}


def heavy(name, k):
    *kinds, person = HEAVY[name]
    return yes_no(name, [kind for kind in kinds for _ in range(k)] + [person])


def witness_model(data, k, unimodular):
    """One release of the total and of "dimension d is 1", published when each of k disjoint sets of witnesses, one for each
    cell, tells the cells apart: their matrix has an inverse or, if `unimodular`, one of integers.

    Determinants are computed in floating point: a 0/1 matrix of order 9 has one of at most 144.
    """
    respondents = [Respondent(profile, choice, 1) for profile, choice in data.people]
    free = {}
    for profile, _ in data.people:
        free[profile] = free.get(profile, 0) + 1
    accepted, sets = [], [[] for _ in range(k)]
    for cell in [frozenset(), *(frozenset({(d, '1')}) for d in range(len(data.dimensions)))]:
        cells, left, picks = [*accepted, cell], dict(free), []
        for witnesses in sets:
            for profile in sorted(left, key=lambda p: (not covers(cell, p), -free[p], p)):
                matrix = [[covers(c, w) for c in cells] for w in [*witnesses, profile]]
                determinant = abs(round(numpy.linalg.det(numpy.array(matrix, dtype=float))))
                if left[profile] and determinant and (determinant == 1 or not unimodular):
                    left[profile] -= 1
                    picks.append(profile)
                    break
        if len(picks) == k:
            accepted, free = cells, left
            sets = [[*witnesses, pick] for witnesses, pick in zip(sets, picks)]
    seen = {(cell, 1): tuple(sum(person.choice == choice for person in respondents if covers(cell, person.profile))
                             for choice in data.choices) for cell in accepted}
    return Publication(respondents, data.choices, seen)
