"""TAP, so that prove judges, and one table at the end."""
import sys


class Report:
    def __init__(self):
        self.tests, self.failures, self.lines = 0, 0, []

    def ok(self, passed, description, found=''):
        self.tests += 1
        self.failures += not passed
        print(f'{"ok" if passed else "not ok"} {self.tests} - {description}', flush=True)
        if not passed:
            print(f'#   found: {found}', file=sys.stderr, flush=True)

    def line(self, text='', *columns):
        self.lines.append(f'{text:<46}' + ''.join(f'{column:>24}' for column in columns))

    def done(self):
        print('#', *(f'# {line}'.rstrip() for line in self.lines), sep='\n')
        print(f'1..{self.tests}')
        return self.failures == 0
