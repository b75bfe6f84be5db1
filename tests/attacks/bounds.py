"""What inequalities add to linear algebra, by linear programs (HiGHS, in floating point: figures, good to 1e-6)."""
import numpy
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, hstack, identity


def _solve(**program):
    answer = linprog(method='highs', **program)
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return answer


def heaviest(combinations, sizes, kind):
    """(the least that all others weigh together in a combination g that weighs one person of this kind 1, that g).

    min sum |g| over the others, subject to g(person) = 1, over all g in the row space of R. Solved by its dual: max t, subject
    to |y| <= others of each kind and R y = t R[:, kind]: weights of the others that balance t times the person in every
    combination. The multipliers of its equations are the combination.
    """
    numerators, denominators = combinations.certify()
    basis = csr_matrix(numerators / denominators[:, None])
    others = sizes.astype(float)
    others[kind] -= 1
    answer = _solve(c=[*numpy.zeros(len(sizes)), -1.0],
                    A_eq=hstack([basis, -basis[:, [kind]]]), b_eq=numpy.zeros(basis.shape[0]),
                    bounds=[*((-n, n) for n in others), (None, sizes.sum())])
    number = answer.eqlin.marginals @ basis
    number /= number[kind]
    weight = -answer.fun
    if abs(abs(number) @ others - weight) > 1e-6 * (1 + weight):
        raise AssertionError('primal and dual disagree')
    return weight, number


def read_vote(publication, number, kind):
    """The choice of the one person of this kind, from published numbers alone, where others weigh less than 1 in `number`:
    the votes of the others cannot bridge the gap between "chose this" and "did not"."""
    coefficients = numpy.linalg.lstsq(publication.rows.T.astype(float), number, rcond=None)[0]
    against = -number[number < 0] @ publication.sizes[number < 0]
    chosen = [choice for choice, value in enumerate(coefficients @ publication.votes) if value > 1 - against - 1e-6]
    assert abs(number[kind] - 1) < 1e-9 and len(chosen) == 1
    return chosen[0]


def unanimous(publication):
    """A mask over the kinds: who is in a published cell, or in what joined it since, that chose alike."""
    found = numpy.zeros(len(publication.sizes), dtype=bool)
    for row, votes in zip(publication.rows, publication.votes):
        if (row >= 0).all() and votes.sum() in votes:
            found |= row > 0
    return found


def determined(publication):
    """A mask over the kinds: whose choice follows from 0 <= votes <= people.

    For each choice, one program looks for votes that leave room below the size in as many kinds as possible; since solutions
    can be scaled and averaged, one solution leaves room wherever any does. A kind without room chose alike, all of it.
    """
    rows, sizes = csr_matrix(publication.rows.astype(float)), publication.sizes.astype(float)
    kinds = len(sizes)
    found = numpy.zeros(kinds, dtype=bool)
    empty = csr_matrix((publication.rows.shape[0], kinds))
    for choice in range(publication.votes.shape[1]):
        # votes x and a scale s >= 1; room z <= 1: maximize z, subject to F x = s * votes, x + z <= s * sizes
        votes = csr_matrix(publication.votes[:, [choice]].astype(float))
        answer = _solve(c=[*numpy.zeros(kinds), *-numpy.ones(kinds), 0.0],
                        A_eq=hstack([rows, empty, -votes]), b_eq=numpy.zeros(rows.shape[0]),
                        A_ub=hstack([identity(kinds), identity(kinds), csr_matrix(-sizes[:, None])]), b_ub=numpy.zeros(kinds),
                        bounds=[*[(0, None)] * kinds, *[(0, 1)] * kinds, (1, None)])
        room = answer.x[kinds:-1]
        found |= room < 1e-6
        if (publication.truth[room < 1e-6, choice] != publication.sizes[room < 1e-6]).any():
            raise AssertionError('a bound is wrong')
    return found
