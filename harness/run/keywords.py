"""What `-k` selects, asked before a run begins: pytest itself finds out when the run's folder is there already."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from _pytest.mark.expression import Expression

from harness.errors import ConfigError, did_you_mean
from harness.project import matrix_file
from harness.run.past_cases import PastCases
from harness.util.text import counted

_RULE = "-k matches the names of modules, as in -k test_json; one case: --case ID"


@dataclass(frozen=True)
class Keyword:
    """The expression of `-k`, empty for none, and the id of the cell, whose name matches as those of modules do."""

    expression: str = ""
    cell: str = ""

    def matching(
        self, modules: Collection[str], past: PastCases, *, noun: str = "module", where: str = "the suite"
    ) -> tuple[str, ...]:
        """The modules that it selects, in their order. ConfigError when the expression is none, or selects nothing.
        `noun` is what a message calls one of them, `where` what has them.
        """
        if not self.expression:
            return tuple(modules)
        expression, file = self.compiled(), matrix_file()
        around = f"{file.parent.name}/{file.name} {self.cell}"
        found = tuple(name for name in modules if expression.evaluate(_Matcher(f"{around} {name}".lower())))
        if not found:
            count = f"{counted(len(modules), noun)} of {where}"
            raise ConfigError(
                f"the selection holds no module: -k {self.expression} matches none of {count}",
                hint=self._near(modules, past),
            )
        return found

    def compiled(self) -> Expression:
        """ConfigError when it is no expression."""
        try:
            return Expression.compile(self.expression)
        except SyntaxError as error:
            hint = "write it as in -k 'test_json or test_bool'"
            raise ConfigError(f"-k {self.expression}: {error}", hint=hint) from None

    def _near(self, modules: Collection[str], past: PastCases) -> str:
        if classes := sorted(past.classes_like(self.expression)):
            return f"-k matches the names of modules; for the cases of a class: --case '{classes[0]}.*'"
        if cases := sorted(past.cases_like(f".{self.expression}")):
            return f"-k matches the names of modules; for a case: --case '{cases[0]}'"
        return "; ".join(filter(None, [did_you_mean(self.expression, modules), _RULE]))


@dataclass(frozen=True)
class _Matcher:
    """As pytest's own: a word matches when it stands in the name of the item or of what holds it."""

    names: str

    def __call__(self, word: str, /, **_: object) -> bool:
        return word.lower() in self.names


ANY = Keyword()
