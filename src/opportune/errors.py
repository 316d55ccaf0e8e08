"""Everything that Opportune raises for a caller to handle.

OpportuneError
├── ProjectError            a strategy's files are wrong; carries every problem found
├── RuleError               one rule does not parse or type-check; carries its problems
├── InputError              a request, profile, outcome or imported row is wrong
│   ├── UnknownError        it names something that does not exist
│   ├── ConflictError       the caller's id was used before with another body
│   ├── StaleError          a decision did not know all of its person's history; read it again and decide again
│   └── SoldOutError        a decision takes more of a stock than is left; decide again without it
├── StoreError              the store cannot do what was asked
│   ├── StoreBusyError      not now; the same call may succeed later
│   ├── StoreAwayError      its server cannot be reached
│   └── DamageError         what is stored contradicts itself
└── ServiceError            the service could not be reached or refused (raised by the client)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = [
    "ConflictError",
    "DamageError",
    "InputError",
    "OpportuneError",
    "Problem",
    "ProjectError",
    "RuleError",
    "ServiceError",
    "SoldOutError",
    "StaleError",
    "StoreAwayError",
    "StoreBusyError",
    "StoreError",
    "UnknownError",
    "and_more",
    "shortened",
    "suggest",
]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, with its place and its remedy.

    Args:
        file: path inside the project, or "" where the place is not a file.
        line: 1-based line, 0 where unknown.
        column: 1-based column, 0 where unknown.
        where: what is concerned, in words of the file, such as "eligibility".
        message: what was expected and what was found.
        remedy: what to do; "" where the message says it all.
        code: stable short name of the kind of problem, such as "unknown-attribute".
    """

    file: str
    line: int
    column: int
    where: str
    message: str
    remedy: str = ""
    code: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}:{self.column}"
        parts = [part for part in (place, self.where, self.message) if part]
        text = ": ".join(parts)
        return f"{text}; {self.remedy}" if self.remedy else text


class OpportuneError(Exception):
    """Base of all errors that Opportune raises."""


class ProjectError(OpportuneError):
    """A strategy's files cannot be used; `problems` lists all that is wrong, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class RuleError(OpportuneError):
    """A rule does not parse or type-check; `problems` have line and column inside the rule's text."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class InputError(OpportuneError):
    """What a caller sent is wrong.

    Args:
        problems: all that is wrong; `where` is a path such as "context.weather"; no value is repeated.
        code: stable name for programs, such as "invalid-request".
    """

    def __init__(self, problems: list[Problem], code: str = "invalid-request") -> None:
        self.problems = problems
        self.code = code
        super().__init__("\n".join(str(problem) for problem in problems))

    @classmethod
    def of(cls, where: str, message: str, remedy: str = "", code: str = "invalid-request") -> InputError:
        """Make the error of one problem."""
        return cls([Problem("", 0, 0, where, message, remedy, code)], code)


class UnknownError(InputError):
    """Something named does not exist."""


class ConflictError(InputError):
    """The caller's id was used before with another body."""


class StaleError(InputError):
    """A decision was made without all of its person's history; nothing happened, and its id is free."""


class SoldOutError(InputError):
    """A decision takes more of a stock than is left; nothing happened, and its id is free.

    Args:
        stock, period, action: what was wanted, and for which action: of the first one that is lost.
        lost: (stock, period, action) of all for which nothing was left, in the order of the answer.
    """

    def __init__(
        self, problems: list[Problem], code: str = "sold-out", lost: Iterable[tuple[str, str, str]] = ()
    ) -> None:
        super().__init__(problems, code)
        self.lost = tuple(lost)
        self.stock, self.period, self.action = self.lost[0] if self.lost else ("", "", "")


class StoreError(OpportuneError):
    """The store cannot do what was asked."""


class StoreBusyError(StoreError):
    """The store cannot take this now; the same call may succeed later."""


class StoreAwayError(StoreError):
    """The store's server cannot be reached."""


class DamageError(StoreError):
    """What is stored contradicts itself; the message names file, fault and remedy."""


class ServiceError(OpportuneError):
    """The service could not be reached, or refused.

    Args:
        status: HTTP status, or 0 where no answer came.
        code: the problem's stable name, or "unreachable".
        problems: all that is wrong with the request, where the service said so.
    """

    def __init__(
        self, message: str, status: int = 0, code: str = "unreachable", problems: Iterable[Problem] = ()
    ) -> None:
        self.status = status
        self.code = code
        self.problems = list(problems)
        super().__init__(message)


def shortened(problems: list[Problem], most: int) -> list[Problem]:
    """Keep so many problems at most, and say how many more there are."""
    return [*problems[:most], *and_more(len(problems) - most)]


def and_more(count: int) -> list[Problem]:
    """Say how many problems are not told one by one; nothing where there are none."""
    return [Problem("", 0, 0, "", f"and {count} more")] if count > 0 else []


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Say which known name was probably meant, else `otherwise`; never the name itself, which came from outside."""
    # Comparing takes time that grows with the square of the length.
    close = get_close_matches(name[:100], list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else otherwise
