"""Who answers: two surveys and synthetic polls, all in a fixed order."""
import csv
import pathlib
import random
from dataclasses import dataclass

SURVEYS = pathlib.Path(__file__).resolve().parents[2] / 'build' / 'surveys'  # made by script/surveys


@dataclass(frozen=True)
class DataSet:
    """People in order of arrival, as (profile, choice); a profile has one category per dimension, None if not stated."""
    name: str
    dimensions: tuple  # names; each is a key of the profile, or a category of our own kept in its "extra"
    choices: tuple
    people: tuple


PROFILE_KEYS = ('country', 'region', 'gender')  # what the extension itself knows; it checks their values


def _band(value, edges):
    return str(sum(float(value) >= edge for edge in edges))


def _anes96(row):
    return (_band(row['age'], (30, 40, 50, 60, 70)), row['educ'], _band(row['income'], (6, 11, 16, 21)), row['PID'],
            _band(row['TVnews'], (1, 7))), row['vote']


def _fair(row):
    return tuple(row[name] for name in ('age', 'children', 'religious', 'educ', 'occupation')), row['rate_marriage']


def survey(name, seed=1, size=None):
    """A survey of script/surveys, its people shuffled; the first `size` of them."""
    dimensions, answer = {
        'anes96': (('age_band', 'education', 'income', 'party', 'tv_news'), _anes96),
        'fair': (('age', 'children', 'religious', 'education', 'occupation'), _fair),
    }[name]
    with open(SURVEYS / f'{name}.csv', newline='') as file:
        people = [answer(row) for row in csv.DictReader(file)]
    random.Random(seed).shuffle(people)
    people = tuple(people[:size])
    return DataSet(name, tuple(f'{name}_{d}' for d in dimensions), tuple(sorted({choice for _, choice in people})), people)


REGIONS = {'NL': ('NL-NH', 'NL-ZH', 'NL-UT', 'NL-ZE'), 'BE': ('BE-VAN', 'BE-WLG'), 'LU': ('LU-LU',), 'FR': ('FR-IDF', None),
           None: (None,)}


def synthetic(seed, size):
    """Regions lie within countries, categories are skewed, some profiles are of one person, and who is rare comes in
    bursts; the answer depends on the profile."""
    draw = random.Random(f'synthetic {seed}')

    def skewed(values, base=0.45):
        return next((v for v in values if draw.random() < base), values[-1])

    people = []
    while len(people) < size:
        country = skewed(('NL', 'BE', 'FR', 'LU', None))
        region = skewed(REGIONS[country], 0.6)
        profile = (country, region, skewed(('female', 'male', 'non_binary', None), 0.5), skewed(tuple('abcdefgh'), 0.35))
        burst = draw.randrange(1, 4) if country in ('LU', None) else 1
        leaning = sum(ord(letter) for letter in f'{profile}') % 3
        for _ in range(burst):
            people.append((profile, ('yes', 'no', 'unsure')[leaning if draw.random() < 0.6 else draw.randrange(3)]))
    return DataSet(f'synthetic {seed}', ('country', 'region', 'gender', f'synthetic_{seed}_group'), ('yes', 'no', 'unsure'),
                   tuple(people[:size]))


def yes_no(name, profiles, choice=lambda place: 'yes' if place % 3 else 'no'):
    """A poll with dimensions of two categories, for constructions: profiles are strings of 0 and 1."""
    return DataSet(name, tuple(f'{name}_{d}' for d in range(len(profiles[0]))), ('yes', 'no'),
                   tuple((tuple(profile), choice(place)) for place, profile in enumerate(profiles)))
