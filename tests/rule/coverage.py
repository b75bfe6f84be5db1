#!/usr/bin/python3
"""How much the release rule shows and how old it is, by size of poll and policy: the tables of
docs/privacy-in-practice.md. Deterministic. Needs rule_dump (preset core) and, for the surveys, script/surveys.

    coverage.py [--rule-dump build/core/tests/rule/rule_dump]
"""
import argparse
import collections
import csv
import itertools
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import audit

POLLS = {50: 100, 200: 50, 1000: 10, 10000: 1, 100000: 1}  # voters: polls drawn, of which the mean is printed
KS = (5, 10, 20)
MAX_DIMS = 2
ONE_DIMENSION_CHECKED = 1000  # up to so many voters: that max_dims 1 shows the same single dimensions

# A category and its weight. Independent, but one in three of the youngest has one level of education less.
POPULATION = {
    'age_band': {'0': 8, '1': 17, '2': 18, '3': 17, '4': 16, '5': 14, '6': 10},
    'gender': {'f': 49, 'm': 49, 'x': 2},
    'country': {'a': 50, 'b': 20, 'c': 12, 'd': 7, 'e': 5, 'f': 3, 'g': 2, 'h': 1},
    'education': {'1': 10, '2': 25, '3': 30, '4': 25, '5': 10},
}

# Of the numbers with a given count of dimensions, in percent. shown: respondents counted in a published number, mean
# over the views. current: those whose number counts everybody of their cell. behind: how many of all votes were
# counted after the number, mean over the shown respondents. lag: how many of the votes cast so far are not in a
# number, the same mean, over the second half of the poll; none before the first release.
Figures = collections.namedtuple('Figures', 'releases shown current behind lag')


def synthetic(count, seed):
    """The profiles in order of arrival."""
    draw = random.Random(f'{count} {seed}')
    people = []
    for _ in range(count):
        profile = [draw.choices(tuple(shares), tuple(shares.values()))[0] for shares in POPULATION.values()]
        if profile[0] == '0' and draw.random() < 1 / 3:
            profile[3] = str(max(1, int(profile[3]) - 1))
        people.append(tuple(profile))
    return people


def survey(name):
    return [profile for profile, _, _ in audit.read(audit.Run(name, 0, 0, True, None, None))]


def releases(rule_dump, people, k, growth, min_batch, max_dims):
    """After each: how many votes it has counted, and {cell: (as_of, respondents)}. One choice suffices."""
    names = [f'd{place}' for place in range(len(people[0]))]
    if growth == math.inf:
        growth, min_batch = 0, len(people)  # one batch, at closing
    with tempfile.NamedTemporaryFile('w', suffix='.csv', newline='') as file:
        out = csv.writer(file, lineterminator='\n')
        out.writerow((*names, 'choice'))
        out.writerows((*profile, 'y') for profile in people)
        file.flush()
        run = subprocess.Popen(
            [rule_dump, file.name, '--choice', 'choice', '--dims', ','.join(names), '-k', str(k),
             '--growth', str(growth), '--min-batch', str(min_batch), '--max-dims', str(max_dims)],
            stdout=subprocess.PIPE, text=True)
        for line in run.stdout:
            release = json.loads(line)
            yield release['last'], {audit.name(cell): (as_of, sum(counts))
                                    for cell, as_of, counts in release['published']}
        if run.wait() != 0:
            raise SystemExit('rule_dump failed')


def measure(rule_dump, people, k, growth, min_batch, max_dims=MAX_DIMS):
    voters = len(people)
    sizes = range(max_dims + 1)
    views = [view for size in sizes for view in itertools.combinations(range(len(people[0])), size)]
    tally, lasts, states = collections.Counter(), [0], []
    for last, published in releases(rule_dump, people, k, growth, min_batch, max_dims):
        for profile, count in collections.Counter(people[lasts[-1]:last]).items():
            for view in views:
                tally[view, tuple(profile[d] for d in view)] += count
        lasts.append(last)
        shown, current, places = collections.Counter(), collections.Counter(), collections.Counter()
        for cell, (as_of, number) in published.items():
            complete = number == tally[cell]  # nobody has joined since
            shown[len(cell[0])] += number
            current[len(cell[0])] += number * complete
            places[len(cell[0])] += number * (last if complete else lasts[as_of])
        states.append((shown, current, {size: places[size] / shown[size] for size in sizes if shown[size]}))
    if not states:
        return Figures(0, *({size: value for size in sizes} for value in (0, 0, None, None)))

    def share(counts):
        return {size: 100 * counts[size] / voters / math.comb(len(people[0]), size) for size in sizes}

    def lag(size):
        lags = [1 - place[size] / now
                for (_, _, place), start, stop in zip(states, lasts[1:], [*lasts[2:], voters]) if size in place
                for now in range(max(start, voters // 2), stop)]
        return 100 * statistics.fmean(lags) if lags else None

    shown, current, place = states[-1]
    behind = {size: 100 * (1 - place[size] / lasts[-1]) if size in place else None for size in sizes}
    return Figures(len(states), share(shown), share(current), behind, {size: lag(size) for size in sizes})


def mean(values):
    values = [value for value in values if value is not None]
    return statistics.fmean(values) if values else None


def average(runs):
    parts = ({size: mean([getattr(run, part)[size] for run in runs]) for size in runs[0].shown}
             for part in Figures._fields[1:])
    return Figures(mean([run.releases for run in runs]), *parts)


def number(value):
    return '-' if value is None else f'{value:.0f}'


def table(*titles):
    print('\n| ' + ' | '.join(titles) + ' |\n' + '|---' * len(titles) + '|')
    return lambda *cells: print('| ' + ' | '.join(map(str, cells)) + ' |', flush=True)


def shown_table(rule_dump, polls):
    row = table('voters', 'growth', 'releases', *(f'k {k}, {size} dim.' for k in KS for size in (1, 2)))
    for title, draws in polls.items():
        for growth in (0.1, 0.5, 1, math.inf):
            cells, counts = [], []
            for k in KS:
                figures = average([measure(rule_dump, people, k, growth, 2 * k) for people in draws])
                if len(draws[0]) <= ONE_DIMENSION_CHECKED:
                    one = average([measure(rule_dump, people, k, growth, 2 * k, 1) for people in draws])
                    assert all(getattr(one, part)[1] == getattr(figures, part)[1] for part in Figures._fields[1:])
                counts.append(number(figures.releases))
                cells += ['0' if figures.shown[size] < 0.5 else f'{number(figures.shown[size])} '
                          f'({number(figures.current[size])}, {number(figures.behind[size])})' for size in (1, 2)]
            row(title, 'Infinity' if growth == math.inf else growth, ', '.join(counts), *cells)


def lag_table(rule_dump, polls):
    row = table('growth', *(f'{title}: {what}' for title in polls for what in ('total', '1 dim.', '2 dim.')))
    for growth in (0.1, 0.5, 1):
        row(growth, *(number(lag) for draws in polls.values() for lag in average(
            [measure(rule_dump, people, 10, growth, 20) for people in draws]).lag.values()))


def batch_table(rule_dump, polls):
    batches = (1, 2, 5, 10)
    row = table('voters', 'growth', *(f'{count} k' for count in batches))
    for title, draws in polls.items():
        for growth in (0, 0.5):
            runs = [average([measure(rule_dump, people, 10, growth, 10 * count) for people in draws])
                    for count in batches]
            row(title, growth, *(f'{number(run.shown[1])}, {number(run.shown[2])}' for run in runs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rule-dump', default=audit.ROOT / 'build/core/tests/rule/rule_dump')
    rule_dump = parser.parse_args().rule_dump
    polls = {str(size): [synthetic(size, seed) for seed in range(count)] for size, count in POLLS.items()}
    surveys = {}
    if (audit.ROOT / 'build/surveys/fair.csv').is_file():
        surveys = {f'{name}, {len(people)}': [people] for name in ('anes96', 'fair') for people in [survey(name)]}

    shown_table(rule_dump, {**polls, **surveys})
    lag_table(rule_dump, {size: polls[size] for size in ('1000', '10000')})
    batch_table(rule_dump, {size: polls[size] for size in ('200', '1000', '10000')})


if __name__ == '__main__':
    main()
