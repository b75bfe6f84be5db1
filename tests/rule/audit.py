#!/usr/bin/python3
"""Audits the release rule in src/core on two real surveys (script/surveys), without trusting any of its code:
every published number is recounted, every proof is checked in exact arithmetic, and every release is compared with
the reference implementation, whose search for witnesses is replaced by one that is the rule's, but works differently.

    audit.py [--rule-dump build/core/tests/rule/rule_dump] [--reference ../shared/reference/release_rule.py]
"""
import argparse
import collections
import csv
import importlib.util
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 1
GROWTH = 0.5
MAX_DIMS = 2
PRIME = 2147483629  # below 2^31: products of two residues fit 64 bits

MAX_TRIES = 16

Run = collections.namedtuple('Run', 'survey k bound all_eligible one_way two_way')
# The least coverage, in percent of respondents per view: what was measured when the rule was last changed.
RUNS = [
    Run('fair', 5, 4, True, 100.0, 88.9),
    Run('fair', 10, 9, True, 99.9, 79.7),
    Run('fair', 10, 0, True, 99.9, 79.8),
    Run('anes96', 5, 4, True, 98.7, 28.0),
    Run('anes96', 10, 9, True, 92.6, 8.5),
    Run('anes96', 5, 4, False, None, None),
]
DIMENSIONS = {
    'fair': ('age', 'children', 'religious', 'educ', 'occupation'),
    'anes96': ('age_band', 'education', 'income', 'party', 'tv_news'),
}


def band(value, edges):
    return str(sum(value >= edge for edge in edges))


def prepared(survey, row):
    """(profile, choice)"""
    if survey == 'fair':
        return tuple(row[name] for name in DIMENSIONS['fair']), row['rate_marriage']
    tv_news = int(row['TVnews'])
    return (band(float(row['age']), (30, 40, 50, 60, 70)), row['educ'], band(int(row['income']), (6, 11, 16, 21)),
            row['PID'], 'never' if tv_news == 0 else 'daily' if tv_news == 7 else 'some'), row['vote']


def read(run):
    """The respondents in order of arrival: (profile, choice, eligible)."""
    with open(ROOT / 'build' / 'surveys' / f'{run.survey}.csv', newline='') as file:
        people = [prepared(run.survey, row) for row in csv.DictReader(file)]
    people = [(*person, run.all_eligible or place % 7 != 0) for place, person in enumerate(people)]
    random.Random(SEED).shuffle(people)
    return people


def dump(rule_dump, run, people):
    names = DIMENSIONS[run.survey]
    with tempfile.NamedTemporaryFile('w', suffix='.csv', newline='') as file:
        out = csv.writer(file, lineterminator='\n')
        out.writerow((*names, 'choice', 'eligible'))
        out.writerows((*profile, choice, int(eligible)) for profile, choice, eligible in people)
        file.flush()
        lines = subprocess.run(
            [rule_dump, file.name, '--choice', 'choice', '--dims', ','.join(names), '--eligible', 'eligible',
             '-k', str(run.k), '--max-dims', str(MAX_DIMS), '--growth', str(GROWTH), '--max-coordinate', str(run.bound)],
            check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    releases = [json.loads(line) for line in lines]
    for release in releases:
        release['published'] = {name(cell): (as_of, counts) for cell, as_of, counts in release['published']}
        release['accepted'] = [name(cell) for cell in release['accepted']]
        release['profiles'] = [tuple(profile) for profile in release['profiles']]
    return releases


def name(cell):
    dimensions, values = cell
    return tuple(dimensions), tuple(values)


def covers(cell, profile):
    return all(profile[d] == value for d, value in zip(*cell))


def expected_batches(run, count):
    start = 0
    while start < count:
        stop = min(count, start + max(2 * run.k, int(GROWTH * start)))
        if stop - start >= run.k:
            yield start, stop
        start = stop


def choices_of(people):
    return sorted({choice for _, choice, _ in people})


# --- the checks: each returns what is wrong ----------------------------------------------------------------------

def wrong_numbers(run, people, releases):
    batches = list(expected_batches(run, len(people)))
    if [(r['first'], r['last']) for r in releases] != batches:
        yield 'the batches are others'
        return
    choices = choices_of(people)
    views = [v for size in range(MAX_DIMS + 1) for v in itertools.combinations(range(len(people[0][0])), size)]
    counted = [collections.Counter()]  # after each release: (cell, choice) -> people
    for first, last in batches:
        now = counted[-1].copy()
        for profile, choice, _ in people[first:last]:
            for view in views:
                now[(view, tuple(profile[d] for d in view)), choice] += 1
        counted.append(now)
    for number, release in enumerate(releases, 1):
        for cell, (as_of, counts) in release['published'].items():
            if not 1 <= as_of <= number:
                yield f'release {number}: {cell} is as of {as_of}'
            elif counts != [counted[as_of][cell, choice] for choice in choices]:
                yield f'release {number}: {cell} has {counts}'
            elif sum(counts) < run.k:
                yield f'release {number}: {cell} has fewer than {run.k} people'


def rows_of(release):
    return numpy.array([[covers(cell, profile) for cell in release['accepted']] for profile in release['profiles']],
                       dtype=numpy.int64).reshape(len(release['profiles']), len(release['accepted']))


def wrong_determinants(run, _, releases):
    for number, release in enumerate(releases, 1):
        cells, rows = release['accepted'], rows_of(release)
        if len(release['sets']) != run.k or any(len(s) != len(cells) for s in release['sets']):
            yield f'release {number}: {run.k} sets of {len(cells)} witnesses are expected'
            continue
        release['inverses'] = [integer_inverse(rows[witnesses]) for witnesses in release['sets'] if cells]
        for place, inverse in enumerate(release['inverses']):
            if inverse is None:
                yield f'release {number}, set {place}: the determinant is not shown to be 1 or -1'


def wrong_coordinates(run, people, releases):
    for number, release in enumerate(releases, 1):
        able = collections.Counter(p for p, _, eligible in people[release['first']:release['last']] if eligible)
        lone = [(max(able[profile], 1) - 1) * run.bound < run.k - 1 for profile in release['profiles']]
        for place, inverse in enumerate(release.get('inverses', [])):
            if inverse is not None and run.bound:
                largest = abs(rows_of(release)[lone] @ inverse).max(initial=0)
                if largest > run.bound:
                    yield f'release {number}, set {place}: a coordinate is {largest}'


def integer_inverse(matrix):
    """With one, the determinants of both are integers whose product is 1; None without. It is found modulo a prime and
    then multiplied out in integers: an entry is below 2^30, the matrix is of 0 and 1, so no sum reaches 2^40."""
    n = len(matrix)
    work = numpy.hstack([matrix % PRIME, numpy.eye(n, dtype=numpy.int64)])
    for step in range(n):
        pivots = numpy.flatnonzero(work[step:, step])
        if len(pivots) == 0:
            return None
        pivot = step + pivots[0]
        work[[step, pivot]] = work[[pivot, step]]
        work[step] = work[step] * pow(int(work[step, step]), PRIME - 2, PRIME) % PRIME
        others = numpy.flatnonzero(work[:, step])
        others = others[others != step]
        work[others] = (work[others] - work[others, step][:, None] * work[step]) % PRIME
    inverse = work[:, n:]
    inverse = numpy.where(inverse > PRIME // 2, inverse - PRIME, inverse)
    assert n < 1 << 10 and matrix.min() >= 0 and matrix.max() <= 1 and abs(inverse).max() < 1 << 30
    return inverse if numpy.array_equal(matrix @ inverse, numpy.eye(n, dtype=numpy.int64)) else None


def wrong_witnesses(_, people, releases):
    for number, release in enumerate(releases, 1):
        batch = people[release['first']:release['last']]
        able = collections.Counter(profile for profile, _, eligible in batch if eligible)
        used = collections.Counter(release['profiles'][w] for witnesses in release['sets'] for w in witnesses)
        for profile, count in used.items():
            if count > able[profile]:
                yield f'release {number}: {count} witnesses of profile {profile}, {able[profile]} eligible people'


class Witnesses:
    """Step 4 of the rule in place of the reference's. No inverse: everybody's coordinates are kept in every set."""
    bound = 0

    def __init__(self, k, batch):
        able = collections.Counter(profile for profile, _, eligible in batch if eligible)
        self.profiles = sorted({profile for profile, _, _ in batch})
        self.free = numpy.array([able[profile] for profile in self.profiles])
        self.lone = (numpy.maximum(self.free, 1) - 1) * self.bound < k - 1 if self.bound else self.free < 0
        self.enough = k if 2 * (self.free >= k).sum() >= len(self.profiles) else sum(able.values())
        self.cells = []
        self.basis = [[] for _ in range(k)]
        self.coordinates = [numpy.zeros((len(self.profiles), 0), dtype=numpy.int64) for _ in range(k)]

    def accept(self, cell):
        inside = numpy.array([covers(cell, profile) for profile in self.profiles], dtype=numpy.int64)
        used, picks = collections.Counter(), []
        for basis, y in zip(self.basis, self.coordinates):
            residual = inside - y @ inside[basis]
            if not residual.any() and not picks:
                return 'dependent'
            weight = abs(y).sum(axis=1)
            able = sorted((weight[p], -min(self.free[p], self.enough), p) for p in numpy.flatnonzero(abs(residual) == 1)
                          if self.free[p] > used[p])
            risk = numpy.flatnonzero(self.lone & (residual != 0))
            for _, _, p in able[:MAX_TRIES]:
                quotient = residual * residual[p]
                after = y[risk] - numpy.outer(quotient[risk], y[p])
                if len(risk) == 0 or max(abs(after).max(initial=0), abs(quotient[risk]).max()) <= self.bound:
                    break
            else:
                return 'refused'
            used[p] += 1
            picks.append((p, quotient))
        for j, (p, quotient) in enumerate(picks):
            y = self.coordinates[j]
            self.coordinates[j] = numpy.hstack([y - numpy.outer(quotient, y[p]), quotient[:, None]])
            self.basis[j].append(p)
            self.free[p] -= 1
        self.cells.append(cell)
        return 'accepted'


def wrong_against_reference(reference, run, people, releases):
    choices = choices_of(people)
    Witnesses.bound = run.bound
    poll = reference.Poll(len(people[0][0]), choices, run.k, MAX_DIMS)
    for number, (release, (first, last)) in enumerate(zip(releases, expected_batches(run, len(people))), 1):
        theirs = {cell: (as_of, [histogram[choice] for choice in choices])
                  for cell, (as_of, histogram) in poll.release(people[first:last]).items()}
        if theirs != release['published']:
            different = sum(theirs.get(c) != release['published'].get(c) for c in {*theirs, *release['published']})
            yield f'release {number}: {different} cells differ'


def coverage(people, release, size):
    views = list(itertools.combinations(range(len(people[0][0])), size))
    shown = sum(sum(counts) for cell, (_, counts) in release['published'].items() if len(cell[0]) == size)
    return 100 * shown / len(people) / len(views)


def low_coverage(run, people, releases):
    for size, least in ((1, run.one_way), (2, run.two_way)):
        if round(coverage(people, releases[-1], size), 1) < least:
            yield f'{size}-way {coverage(people, releases[-1], size):.1f} % is less than {least} %'


def load_reference(path):
    spec = importlib.util.spec_from_file_location('reference', path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    module.Witnesses = Witnesses
    return module


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rule-dump', default=ROOT / 'build/core/tests/rule/rule_dump')
    parser.add_argument('--reference', type=pathlib.Path, default=ROOT / '../shared/reference/release_rule.py')
    arguments = parser.parse_args()
    reference = load_reference(arguments.reference) if arguments.reference.is_file() else None
    if reference is None:
        print(f'*** NOT COMPARED with the reference: there is no {arguments.reference} ***', file=sys.stderr)
    if not (ROOT / 'build/surveys/fair.csv').is_file():
        print('1..0 # SKIP run script/surveys first')
        return 77

    checks = [
        ('every published number is a plain recount of at least k people', wrong_numbers),
        ('every matrix has determinant 1 or -1', wrong_determinants),
        ('coordinates keep to the bound, or have equals enough', wrong_coordinates),
        ('witnesses are eligible, and each serves once', wrong_witnesses),
        ('cells, numbers and as_of equal the reference', lambda *run: wrong_against_reference(reference, *run)),
    ]
    number = failures = 0
    print(f'1..{sum(len(checks) + run.all_eligible for run in RUNS)}')
    for run in RUNS:
        people = read(run)
        releases = dump(arguments.rule_dump, run, people)
        title = f'{run.survey}, k {run.k}, bound {run.bound or "off"}'
        title += '' if run.all_eligible else ', one in seven not eligible'
        print(f'# {title}: {len(people)} people, {len(releases)} releases, '
              f'1-way {coverage(people, releases[-1], 1):.1f} %, 2-way {coverage(people, releases[-1], 2):.1f} %, '
              f'at most {max(len(r["accepted"]) for r in releases)} cells accepted in one')
        extra = [(f'coverage is {run.one_way} % and {run.two_way} % or more', low_coverage)] if run.all_eligible else []
        for what, check in checks + extra:
            number += 1
            if check is checks[-1][1] and reference is None:
                print(f'ok {number} - {title}: {what} # SKIP no reference')
                continue
            wrong = list(check(run, people, releases))
            failures += bool(wrong)
            print(f'{"not ok" if wrong else "ok"} {number} - {title}: {what}')
            for line in wrong[:5]:
                print(f'#   {line}')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
