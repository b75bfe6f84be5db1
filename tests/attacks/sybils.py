"""Attack 9, accounts in one hand: an attacker fills batches around victims, with and without quality signals.

The attacker knows the own votes, so what can be read is what the whole publication says once these are subtracted. It is
audited like any other, over all releases together: a batch that is withheld must not give anybody away in a later one.
"""
import random
from collections import Counter
from dataclasses import dataclass

import attacks
from people import yes_no
from publications import Publication, covers
from server import Poll

K = 10
DAILY = 2
SIGNALS = {'no signal': {}, 'witness_account_age': {'witness_account_age': '30 days'},
           'witness_daily_votes': {'witness_daily_votes': DAILY}}


@dataclass(frozen=True)
class Hand:
    """How somebody comes by accounts: how old they are, and whether they have answered DAILY questions today."""
    age: str = '0'
    busy: bool = False
    own: bool = True  # the attacker's


HANDS = {
    'honest': Hand('1 year', own=False),
    'young': Hand(own=False),
    'bulk': Hand(busy=True),  # made just now, and used for everything
    'made for it': Hand(),
    'old, busy': Hand('1 year', busy=True),
    'old': Hand('1 year'),
}
EARLIER = [('honest', profile, 10) for profile in ('00', '01', '10', '11')]  # a batch: runs of (hand, profile, people)
BY_GROWTH, BY_TIME = {'growth': 0.1}, {'growth': 10, 'max_wait': '1 microsecond'}


@dataclass(frozen=True)
class Case:
    """Batches after EARLIER, which is shown. Each is due when it is published; the last one may be so by closing."""
    policy: dict
    batches: list
    closed: bool = False


def around(own, hand='bulk', honest=1):
    """A batch of honest people, here one victim, and accounts of one hand."""
    return [('honest', '11', honest), (hand, '11', own)]


def crowd(seed, batches=20):
    """Batches of 0 to 14 honest people and the attacker's accounts, of all profiles."""
    draw, drawn = random.Random(f'sybils {seed}'), []
    for _ in range(batches):
        honest = draw.choice((0, 1, 1, 2, 5, K - 1, K, K + 1, 14))
        profiles = draw.choice(('11', '01', '00 11', '00 01 10 11')).split()
        drawn.append([(hand, draw.choice(profiles), 1) for hand in ['honest'] * honest + ['bulk'] * (20 - honest)])
    return drawn


# {what: (case, which batches are shown when the attacker's accounts are no witnesses)}; min_batch is 20 unless told.
HELD = {
    'k - 1 accounts, min_batch k': (Case({'min_batch': K, **BY_GROWTH}, [around(K - 1)]), [0]),
    'k - 1 accounts, closed': (Case(BY_GROWTH, [around(K - 1)], closed=True), [0]),
    '19 accounts, growth 0.5': (Case({'growth': 0.5}, [around(19)]), [0]),
    '19 accounts, growth 0.1': (Case(BY_GROWTH, [around(19)]), [0]),
    '19 accounts, max_wait': (Case(BY_TIME, [around(19)]), [0]),
    '100 accounts, growth 0.1': (Case(BY_GROWTH, [around(100)]), [0]),
    '11 accounts and k - 1 honest people': (Case({'growth': 0.5}, [around(11, honest=K - 1)]), [0]),
    'later k honest people': (Case(BY_TIME, [around(19), around(10, honest=K)]), [0, 1]),
    'later k honest people of another profile': (
        Case(BY_TIME, [around(19), [('honest', '00', K), ('bulk', '11', 10)]]), [0, 1]),
    'later k - 1 honest people, then k': (
        Case(BY_TIME, [around(19), around(11, honest=K - 1), [('honest', '10', K), ('bulk', '11', 10)]]), [0, 0, 1]),
    'five victims, later k honest people': (Case(BY_TIME, [around(19)] * 5 + [around(10, honest=K)]), [0, 0, 0, 0, 0, 1]),
    'twenty batches at random': (Case(BY_TIME, crowd(1)), None),
}

# Honest people in what the last release adds to the total, those of the batches held back among them.
LEFT = {'later k honest people': K + 1, 'later k honest people of another profile': K + 1,
        'later k - 1 honest people, then k': 2 * K, 'five victims, later k honest people': K + 5}

# {what: (case, people in the group that is read, under which signals)}
LIMITS = {
    'made for this question': (Case(BY_GROWTH, [around(19, 'made for it')]), 1, ('no signal', 'witness_daily_votes')),
    'old, busy today': (Case(BY_GROWTH, [around(19, 'old, busy')]), 1, ('no signal', 'witness_account_age')),
    'old': (Case(BY_GROWTH, [around(19, 'old')]), 1, tuple(SIGNALS)),
    'k old ones around a victim who is young': (
        Case(BY_GROWTH, [[('young', '11', 1), ('old', '11', K), ('bulk', '11', 9)]]), 1, tuple(SIGNALS)),
    **{f'{own} old of k witnesses': (
        Case(BY_GROWTH, [[*around(own, 'old', K - own), ('bulk', '11', 10)]]), K - own, tuple(SIGNALS))
       for own in (1, K // 2, K - 1)},
}


def accounts(server, count, hand):
    """Session tokens of `count` new accounts of a hand."""
    tokens = server.newcomers(count, hand.age)
    if hand.busy:
        for _ in range(DAILY):
            Poll(server, yes_no('elsewhere', ['0'] * count)).cast(count, tokens)
    return iter(tokens)


def less_own(poll, own):
    """What everything published says of the others, when the own votes are subtracted: a publication about them."""
    def votes(cell, moment):
        return [person.choice for person, mine in zip(poll.counted, own)
                if mine and person.release <= moment and covers(cell, person.profile)]
    seen = {(cell, moment): tuple(number - votes(cell, moment).count(choice)
                                  for choice, number in zip(poll.data.choices, numbers))
            for (cell, moment), numbers in poll.seen.items()}
    return Publication([person for person, mine in zip(poll.counted, own) if not mine], poll.data.choices, seen)


def attack(server, signal, case):
    """(groups of fewer than k others that can be read, which batches after the first were shown, how many others the
    last total has more than the one before)."""
    batches = [EARLIER, *case.batches]
    people = [(hand, profile) for batch in batches for hand, profile, count in batch for _ in range(count)]
    hands = Counter(hand for hand, _ in people)
    tokens = {hand: accounts(server, count, HANDS[hand]) for hand, count in hands.items()}
    data = yes_no('sybils', [profile for _, profile in people])
    poll, shown = Poll(server, data, k=K, policy={**case.policy, **SIGNALS[signal]}), []
    for number, batch in enumerate(batches, 1):
        voters = [next(tokens[hand]) for hand, _, count in batch for _ in range(count)]
        poll.cast(len(voters), voters)
        if case.closed and number == len(batches):
            poll.close()
        poll.publish()
        poll.look()
        shown.append(int(poll.release == number))
        counted, = server.superuser.execute("SELECT release FROM roughly.questions WHERE id = %s", [poll.question]).fetchone()
        if counted != number:
            raise AssertionError(f'batch {number} was not due')
    others = less_own(poll, [HANDS[hand].own for hand, _ in people])
    found = attacks.rational(others, K, certify=True)
    modular = attacks.modular(others, K, 2, certify=True)
    added = sum(person.release == poll.release for person in others.respondents)
    return modular if modular.people > found.people else found, shown[1:], added


def accounts_in_one_hand(report, server):
    """Attack 9 with each signal alone: accounts made in bulk read nobody; what accounts that are witnesses read is a limit."""
    report.line()
    report.line('9 accounts in one hand around a victim', *SIGNALS)
    for name, (case, expected) in HELD.items():
        results = {signal: attack(server, signal, case) for signal in SIGNALS}
        for signal, (found, shown, added) in results.items():
            if signal == 'no signal':
                report.ok(found.people > 0 and all(shown), f'9 {name}: without a signal somebody is read', (found, shown))
                continue
            report.ok(found.people == 0, f'9 {name}, {signal}: nobody is read', found)
            report.ok(shown == expected if expected else 0 < sum(shown) < len(shown),
                      f'9 {name}, {signal}: a batch is shown only with k honest witnesses', shown)
            if name in LEFT:
                report.ok(added == LEFT[name], f'9 {name}, {signal}: they are read together, {LEFT[name]} people', added)
        report.line(f'  {name}', *(str(found) for found, *_ in results.values()))
    report.line('9 accounts that are witnesses (a stated limit)', *SIGNALS)
    for name, (case, group, signals) in LIMITS.items():
        results = {signal: attack(server, signal, case)[0] for signal in SIGNALS}
        for signal, found in results.items():
            left = group if signal in signals else 0
            read = f'a group of {left} is read' if left else 'nobody is read'
            report.ok(found.people == left, f'9 {name}, {signal}: {read}', found)
        report.line(f'  {name}', *map(str, results.values()))
