"""The one shape of errors: RFC 9457 problem details with a stable code; no input is repeated."""

from __future__ import annotations

import msgspec

from opportune.errors import (
    ConflictError,
    InputError,
    OpportuneError,
    ProjectError,
    StoreBusyError,
    StoreError,
    shortened,
)
from opportune.errors import Problem as ProjectProblem

__all__ = ["CODES", "PROBLEMS_MAX", "Problem", "ProblemBody", "Refusal", "problem_body", "refusal_of"]

PREFIX = "urn:opportune:problem:"
"""Begins the name of a kind of problem; the code ends it."""
PROBLEMS_MAX = 200
"""Problems in one answer that are told one by one."""

CODES: dict[str, tuple[int, str]] = {
    "malformed-json": (400, "The body is not JSON"),
    "duplicate-key": (400, "A key is written twice"),
    "too-deep": (400, "The body is nested too deep"),
    "malformed-http": (400, "The request is not HTTP"),
    "invalid-header": (400, "A header is wrong"),
    "invalid-path": (400, "The path is wrong"),
    "invalid-query": (400, "The query is wrong"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "This method is not for this path"),
    "id-conflict": (409, "The id was used before with another body"),
    "rebuild-running": (409, "Another rebuild runs"),
    "revision-superseded": (409, "Another revision was published meanwhile"),
    "body-timeout": (408, "The body did not arrive in time"),
    "too-many-reports": (409, "Too much was reported about this decision"),
    "invalid-token": (422, "The token is none of this service"),
    "expired-token": (422, "The token is too old"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body has another type or encoding"),
    "invalid-request": (422, "The request is wrong"),
    "invalid-attribute": (422, "An attribute is wrong"),
    "invalid-value": (422, "A value cannot be stored"),
    "unknown-channel": (422, "The strategy has no such channel"),
    "unknown-placement": (422, "The channel has no such placement"),
    "unknown-action": (422, "The channel has no such action"),
    "unknown-treatment": (422, "The action has no such treatment"),
    "unknown-outcome": (422, "The channel has no such outcome type"),
    "unknown-decision": (422, "There is no such decision"),
    "invalid-identifier": (422, "An identifier is wrong"),
    "invalid-proof": (422, "The proof is none of these identifiers"),
    "expired-proof": (422, "The proof is too old"),
    "identity-conflict": (409, "The identifiers are of different persons"),
    "merge-undone": (409, "The merge is undone already"),
    "unknown-merge": (422, "There is no such merge"),
    "unknown-level": (422, "The strategy has no such level"),
    "unknown-customer": (422, "Nobody is known under this identifier"),
    "unknown-event-type": (422, "The strategy has no such event type"),
    "unknown-purpose": (422, "The strategy asks about no such purpose"),
    "unknown-text": (422, "The purpose has no such text"),
    "project-refused": (422, "The strategy cannot be published"),
    "headers-too-large": (431, "The headers are too large"),
    "internal-error": (500, "Something broke"),
    "overloaded": (503, "The service has too much to do"),
    "not-ready": (503, "The service is not ready"),
    "store-busy": (503, "The store is busy"),
    "store-unavailable": (503, "The store cannot be used"),
}
"""code → HTTP status and title."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: its place in the request, what was expected and found, what to do."""

    where: str
    message: str
    remedy: str


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """Every error of the interface (application/problem+json).

    Args:
        type: URI that names the kind of problem; ends in the code.
        title: the kind in words.
        code: stable short name for programs.
        detail: what is wrong in this case.
        problems: all that is wrong.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    problems: tuple[Problem, ...]


class Refusal(OpportuneError):
    """A request that cannot be answered as asked.

    Args:
        code: one of `CODES`.
        headers: to send with it, such as Allow or Retry-After.
    """

    def __init__(
        self, code: str, detail: str, problems: tuple[Problem, ...] = (), headers: dict[str, str] | None = None
    ) -> None:
        self.code = code
        self.detail = detail
        self.problems = problems
        self.headers = headers or {}
        super().__init__(detail)

    @property
    def status(self) -> int:
        """HTTP status of the code."""
        return CODES[self.code][0]


def refusal_of(error: Exception, most: int = PROBLEMS_MAX) -> Refusal:
    """Turn any error into what the caller may know of it.

    Args:
        most: problems with what was sent that are told one by one.
    """
    match error:
        case Refusal():
            return error
        case InputError():
            problems = tuple(
                Problem(where=problem.where, message=problem.message, remedy=problem.remedy)
                for problem in shortened(error.problems, most)
            )
            code = "id-conflict" if isinstance(error, ConflictError) and error.code not in CODES else error.code
            detail = "; ".join(": ".join(filter(None, (one.where, one.message))) for one in problems[:3])
            return Refusal(code if code in CODES else "invalid-request", detail, problems)
        case ProjectError():
            problems = tuple(map(_of_project, error.problems))
            return Refusal("project-refused", f"{error.problems[0]}", problems)
        case StoreBusyError():
            return Refusal("store-busy", "the store cannot take this now; send it again", headers={"Retry-After": "1"})
        case StoreError():
            detail = "the store cannot be used; nothing was acknowledged; send it again"
            return Refusal("store-unavailable", detail, headers={"Retry-After": "5"})
    return Refusal("internal-error", "something broke; the log of the service says where")


def _of_project(problem: ProjectProblem) -> Problem:
    """Put the place in a file before the place in words."""
    place = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    where = ": ".join(part for part in (place, problem.where) if part)
    return Problem(where=where, message=problem.message, remedy=problem.remedy)


def problem_body(refusal: Refusal) -> bytes:
    """Write an error as it goes out."""
    status, title = CODES[refusal.code]
    return msgspec.json.encode(
        ProblemBody(
            type=PREFIX + refusal.code,
            title=title,
            status=status,
            code=refusal.code,
            detail=refusal.detail,
            problems=refusal.problems,
        )
    )
