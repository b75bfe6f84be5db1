"""All combinations of published numbers: exact linear algebra over the rationals, and modulo every m.

Notation. F is a publication's matrix, R its reduced row echelon form over the rationals, L the lattice of all integer
vectors in the row space of F: all g with integer values that can be computed.

Exactness. Elimination is done over GF(P). A rational N is guessed from the result, and F = F[:, pivots] N checked in
integers. The rows of N are independent, so the rank of F is at most theirs; modulo a prime it is at most what it is over the
rationals, so it is equal, and N = R.

Modulo m. Let g in L be not 0 mod m. Then it is not 0 mod some prime power q^e dividing m; divide by the largest power
of q that divides g there, and what is left is in L, not 0 mod q, and every respondent it touches mod q is one that g
touches mod m. So what L gives away mod the primes is all that it gives away mod any m with these prime factors. When no
denominator of R is divisible by q, then L mod q is the row space of R mod q; any other R is first brought there by
exchanging pivots.
"""
from math import lcm

import numpy

P = 2**31 - 1  # products of two residues fit 64 bits


class Uncertified(Exception):
    """The echelon form could not be shown to be that over the rationals."""


def exchange(matrix, prime, row, column):
    """Makes `column` the pivot of `row`."""
    matrix[row] = matrix[row] * pow(int(matrix[row, column]), -1, prime) % prime
    others = numpy.flatnonzero(matrix[:, column])
    others = others[others != row]
    touched = numpy.flatnonzero(matrix[row])
    block = numpy.ix_(others, touched)
    matrix[block] = (matrix[block] - matrix[others, column][:, None] * matrix[row, touched]) % prime


def echelon(rows, prime, carried=None):
    """(reduced row echelon form, its pivots, right-hand sides taken along)."""
    width = rows.shape[1]
    matrix = (rows if carried is None else numpy.hstack([rows, carried])) % prime
    pivots = []
    for column in range(width):
        found = len(pivots) + numpy.flatnonzero(matrix[len(pivots):, column])
        if len(found):
            sparsest = found[numpy.argmin(numpy.count_nonzero(matrix[found], axis=1))]
            matrix[[len(pivots), sparsest]] = matrix[[sparsest, len(pivots)]]
            exchange(matrix, prime, len(pivots), column)
            pivots.append(column)
            if len(pivots) == len(matrix):
                break
    return matrix[:len(pivots), :width], pivots, matrix[:len(pivots), width:]


def _symmetric(row):
    return numpy.where(row > P // 2, row - P, row)


def _denominator(residue):
    """Of the smallest fraction that is this residue mod P: half-way through Euclid's algorithm."""
    a, b, x, y = P, int(residue), 0, 1
    while b * b > P:
        a, b, x, y = b, a % b, y, x - a // b * y
    return abs(y)


def rational(matrix):
    """(numerators, a denominator for each row) that agree with the matrix mod P; a guess, to be checked."""
    numerators, denominators = [], []
    for row in matrix:
        denominator = 1
        while len(large := numpy.flatnonzero(abs(_symmetric(row)) > 2**12)) and denominator < 2**12:
            factor = _denominator(row[large[0]])
            if factor == 1:
                break
            denominator *= factor
            row = row * factor % P
        numerators.append(_symmetric(row))
        denominators.append(denominator)
    return numpy.array(numerators), numpy.array(denominators, dtype=numpy.int64)


class Combinations:
    """All rational combinations of the rows of a publication."""

    def __init__(self, publication):
        self.rows = publication.rows
        self.echelon, self.pivots, self.recovered = echelon(self.rows, P, publication.votes)
        if (self.echelon @ publication.truth % P != self.recovered).any():
            raise AssertionError('a combination does not give the votes it should')

    def certify(self):
        """Shows that the echelon form is that over the rationals."""
        numerators, denominators = rational(self.echelon)
        common = lcm(*map(int, denominators))
        scaled = numerators.astype(float) * (common // denominators)[:, None]
        left = self.rows[:, self.pivots].astype(float)
        if common > 2**20 or abs(left).sum(axis=1).max() * abs(scaled).max() > 2**53:
            raise Uncertified('the numbers are too large to be multiplied exactly')
        if (left @ scaled != self.rows * float(common)).any():
            raise Uncertified('the echelon form is not that over the rationals')
        return numerators, denominators

    def modulo(self, prime):
        """A basis of all integer-valued combinations, modulo a prime: an echelon form."""
        while True:
            numerators, denominators = self.certify()
            wrong = numpy.flatnonzero(denominators % prime == 0)
            if len(wrong) == 0:
                inverses = [pow(int(d), -1, prime) for d in denominators]
                return numerators * numpy.array(inverses, dtype=numpy.int64)[:, None] % prime
            row = wrong[0]
            column = int(numpy.flatnonzero(numerators[row] % prime)[0])  # the determinant of the pivots loses a factor
            matrix = numpy.hstack([self.echelon, self.recovered])
            exchange(matrix, P, row, column)
            self.pivots[row] = column
            self.echelon, self.recovered = numpy.hsplit(matrix, [self.echelon.shape[1]])


class Groups:
    """Who is in a group of fewer than k people that some combination is about.

    Exact: whether a single kind is such a group, and whether two kinds together are one. Larger groups are searched for:
    a row of an echelon form is about one pivot kind and kinds that are no pivots, so a random walk over the choices of
    pivots (information sets) meets every group, in time; light ones first.
    """

    def __init__(self, matrix, pivots, prime, sizes, k, draw, effort=4e7):
        self.matrix, self.pivots, self.prime, self.sizes, self.k = matrix.copy(), list(pivots), prime, sizes, k
        self.members = numpy.zeros(len(sizes), dtype=bool)
        self.alone = self.members.copy()
        self.smallest = int(sizes.sum())
        self._leave_out_large_kinds()
        if len(self.matrix) == 0:
            return
        self._rows()
        self._pairs()
        for _ in range(min(400, int(effort / self.matrix.size))):
            row = draw.randrange(len(self.matrix))
            free = [c for c in numpy.flatnonzero(self.matrix[row]) if c != self.pivots[row]]
            if free:
                self._exchange(row, draw.choice(free))
                self._rows()

    def _exchange(self, row, column):
        exchange(self.matrix, self.prime, row, column)
        self.pivots[row] = column

    def _found(self, kinds):
        people = int(self.sizes[kinds].sum())
        self.smallest = min(self.smallest, people)
        if people < self.k:
            self.members[kinds] = True

    def _leave_out_large_kinds(self):
        """A kind of k people or more is in no small group: where it is the pivot, the row takes part in none."""
        kept = numpy.ones(len(self.matrix), dtype=bool)
        for column in numpy.flatnonzero(self.sizes >= self.k):
            rows = [r for r in numpy.flatnonzero(self.matrix[:, column]) if kept[r]]
            if rows:
                self._exchange(rows[0], column)
                kept[rows[0]] = False
        self.matrix = self.matrix[kept]
        self.pivots = [pivot for pivot, keep in zip(self.pivots, kept) if keep]

    def _rows(self):
        supports = self.matrix != 0
        people = supports @ self.sizes
        self.smallest = min(self.smallest, int(people.min()))
        self.members |= supports[people < self.k].any(axis=0)
        self.alone |= supports[people == 1].any(axis=0)

    def _pairs(self):
        """Two pivot kinds alone are touched by a combination of two rows that are multiples of each other elsewhere."""
        free = numpy.ones(len(self.sizes), dtype=bool)
        free[self.pivots] = False
        alike = {}
        for row, pivot in zip(self.matrix[:, free], self.pivots):
            lead = numpy.flatnonzero(row)
            if len(lead):
                key = (row * pow(int(row[lead[0]]), -1, self.prime) % self.prime).tobytes()
                alike.setdefault(key, []).append(pivot)
        for kinds in alike.values():
            for a, kind in enumerate(kinds):
                for other in kinds[:a]:
                    self._found([kind, other])
