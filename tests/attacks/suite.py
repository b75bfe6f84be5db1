"""Runs every attack on every data set and publisher. tests/attacks/run makes the cluster and starts it."""
import argparse
import random
import sys
from dataclasses import dataclass

import attacks
import bounds
import constructions
import controls
import sybils
import temporal
from algebra import Combinations
from people import DataSet, survey, synthetic
from publications import group_by
from report import Report
from server import Poll, Server

PRIMES = (2, 3, 5)
HEADS = ('roughly_auth', 'GROUP BY', 'HAVING count(*) >= k')
AROUND = 300  # people for reading around each vote


@dataclass(frozen=True)
class Case:
    data: DataSet
    k: int = 10
    max_dims: int = 2
    programs: int = 100  # kinds whose weight is computed


def cases(thorough):
    yield Case(survey('anes96'), programs=1000 if thorough else 100)
    yield Case(survey('fair'), programs=50 if thorough else 4)
    for seed in range(1, 13 if thorough else 4):
        yield Case(synthetic(seed, 500), max_dims=3 if seed % 3 == 0 else 2)
    if thorough:
        for seed in range(2, 6):
            yield Case(survey('anes96', seed), k=5)


def linear(report, case, publishers):
    """Attacks 1 to 4. A plain threshold hides small cells, and falls to everything else."""
    tries = {
        '1 a published number': lambda p, ours: attacks.small_cells(p, case.k),
        '2 one subtraction': lambda p, ours: attacks.one_step(p, case.k),
        '3 any combination': lambda p, ours: attacks.rational(p, case.k, certify=ours),
        **{f'4 any combination, modulo powers of {q}': lambda p, ours, q=q: attacks.modular(p, case.k, q, certify=ours)
           for q in PRIMES},
    }
    for name, attack in tries.items():
        stopped_by_threshold = name.startswith('1')
        ours, plain, threshold = (attack(publication, publication is publishers[0]) for publication in publishers)
        report.ok(ours.people == 0, f'{case.data.name}, {name}: nobody', ours)
        report.ok(plain.alone > 0, f'{case.data.name}, {name}: GROUP BY gives single people away', plain)
        report.ok(threshold.people == 0 if stopped_by_threshold else threshold.alone > 0,
                  f'{case.data.name}, {name}: a threshold {"holds" if stopped_by_threshold else "gives single people away"}',
                  threshold)
        report.line(f'{name}', *map(str, (ours, plain, threshold)))


def around(report, case, server):
    """Attack 6."""
    data = DataSet(case.data.name, case.data.dimensions, case.data.choices, case.data.people[:AROUND])
    votes = temporal.by_vote(data)
    ours = attacks.successors(temporal.read_around_votes(server, data, case.k), case.k)
    plain = attacks.successors(group_by(votes, data.choices, 1), case.k)
    threshold = attacks.successors(group_by(votes, data.choices, 1, case.k), case.k)
    report.ok(ours.people == 0, f'{data.name}, 6 reads around each vote: nobody', ours)
    report.ok(plain.alone == len(votes), f'{data.name}, 6 reads around each vote: GROUP BY gives everybody away', plain)
    report.ok(threshold.alone == len(votes) - case.k,
              f'{data.name}, 6 reads around each vote: a threshold gives everybody away but the first k', threshold)
    report.line(f'6 reads around each vote of {len(votes)} people', *map(str, (ours, plain, threshold)))


def inequalities(report, case, publishers):
    """Attacks 5 and 8: what 0 <= votes <= people adds. Unanimity is nothing a count can hide."""
    publication = publishers[0]
    combinations = Combinations(publication)
    few = [kind for kind, people in enumerate(publication.sizes) if people < case.k]  # others of its kind weigh k - 1
    some = random.Random(1).sample(few, min(case.programs, len(few)))
    least = min((bounds.heaviest(combinations, publication.sizes, kind)[0] for kind in some), default=case.k - 1)
    report.ok(least > 1 - 1e-6, f'{case.data.name}, 5 dominance: nobody outweighs all others, of {len(some)} kinds', least)
    report.line(f'5 least weight of the others, {len(some)} of {len(publication.sizes)} kinds',
                f'{least:.1f}{"" if least > case.k - 1 - 1e-6 else " < k - 1"}')
    report.line('8 in a unanimous number (not judged)',
                *(str(p.sizes[bounds.unanimous(p)].sum()) for p in publishers))
    report.line('8 determined by bounds (not judged)', *(str(p.sizes[bounds.determined(p)].sum()) for p in publishers))


def data_sets(report, server, thorough):
    for case in cases(thorough):
        poll = Poll(server, case.data, k=case.k, max_dims=case.max_dims)
        ours = poll.run()
        baselines = [group_by(ours.respondents, case.data.choices, case.max_dims, least) for least in (1, case.k)]
        releases = max(person.release for person in ours.respondents)
        report.ok(len(ours.rows) > 2 * releases, f'{case.data.name}: {len(ours.rows)} numbers in {releases} releases')
        report.line()
        report.line(f'{case.data.name}: {len(ours.respondents)} people, k {case.k}, {releases} releases', *HEADS)
        linear(report, case, (ours, *baselines))
        inequalities(report, case, (ours, *baselines))
        around(report, case, server)


def interruptions(report, server):
    """Attack 7: two polls of the same votes, one of them disturbed wherever an administrator can."""
    data = synthetic(100, 120)
    calm, disturbed = Poll(server, data), Poll(server, data)
    for poll in (calm, disturbed):
        poll.cast(40)
    for way, sqlstate in temporal.refusals(disturbed).items():
        report.ok(sqlstate == '25001', f'7 roughly_publish {way} is refused', sqlstate)
    report.ok(disturbed.read() == {}, '7 and nothing shows', disturbed.read())
    for stop in ('pg_cancel_backend', 'pg_terminate_backend'):
        calm.publish()
        before = disturbed.read()
        meanwhile, after = temporal.interrupt(disturbed, stop)
        report.ok(before == meanwhile == after, f'7 {stop} between freeze and release: nothing shows, meanwhile and after')
        disturbed.cast(10)  # whoever comes now does not get into the batch
        disturbed.publish()
        report.ok(calm.read() == disturbed.read() != before, f'7 {stop}: the next try publishes what an undisturbed poll does')
        disturbed.publish()
        report.ok(calm.read() == disturbed.read(), '7 publishing once more changes nothing')
        calm.cast(10)
        for poll in (calm, disturbed):
            poll.cast(20)


def dominance(report, server):
    """Attack 5 on polls made for it."""
    report.line()
    report.line('5 least weight of the others, constructed', 'roughly_auth', 'without "1 or -1"')
    for name in ('determinants', 'coordinates'):
        data = constructions.heavy(name, 10)
        publication = Poll(server, data, max_dims=1, min_batch=len(data.people)).run()
        weaker = constructions.witness_model(data, 10, unimodular=False)
        person = publication.kind[-1]
        weight, _ = bounds.heaviest(Combinations(publication), publication.sizes, person)
        control, heavy = bounds.heaviest(Combinations(weaker), weaker.sizes, weaker.kind[-1])
        report.ok(control < 1 and data.choices[bounds.read_vote(weaker, heavy, weaker.kind[-1])] == data.people[-1][1],
                  f'5 {name}: without "1 or -1" one person outweighs all others, and the vote is read', control)
        report.ok(weight > 1 - 1e-6, f'5 {name}: nobody outweighs all others', weight)
        report.line(f'  {name}', f'{weight:.2f}', f'{control:.2f}')


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument('--thorough', action='store_true', help='more seeds, more linear programs')
    thorough = arguments.parse_args().thorough
    report, server = Report(), Server()
    report.line('People in a group of fewer than k whose votes can be computed (those whose own vote is known).')
    report.line('GROUP BY and HAVING are read after each release of ours; in attack 6 after each vote.')
    controls.algebra(report)
    controls.power(report, server)
    data_sets(report, server, thorough)
    dominance(report, server)
    interruptions(report, server)
    sybils.accounts_in_one_hand(report, server)
    return 0 if report.done() else 1


if __name__ == '__main__':
    sys.exit(main())
