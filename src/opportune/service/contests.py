"""Champion and challengers of a store or service: their figures, kept versions of what they learned, and orders."""

from __future__ import annotations

from datetime import datetime

import msgspec

from opportune.decide import Plan
from opportune.errors import InputError, UnknownError
from opportune.learning import Contest, PropensityModel, TreesModel, from_bytes
from opportune.learning.scoreboard_figures import Figures, figures
from opportune.learning.tree_training import has_lightgbm
from opportune.service.training import STATES
from opportune.storage import ChangeModels, Kind, Storage
from opportune.storage.digests import digest_of

__all__ = [
    "Changed",
    "Comparison",
    "Contender",
    "Version",
    "check_words",
    "comparison",
    "contenders",
    "promotion",
    "restoration",
    "versions",
]

AUTHOR_MAX = 200
REASON_MAX = 2_000


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a project.

    Args:
        kind: member of the family, such as "bayes".
        champion: whether it decides.
        named: whether the project names it as the champion.
        predictors: what it may see.
        answers: that it has learned.
        failure: why it was set aside until the next revision; "" where it was not.
        note: what else is to be known of it, in words.
    """

    name: str
    kind: str
    champion: bool
    named: bool
    predictors: tuple[str, ...]
    answers: int
    failure: str
    note: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How well the models foresaw the answers that they learned afterwards.

    Args:
        champion: name of the model that decides.
        position: journal entry that they have learned to.
        figures: over everything first, then by outcome, then by outcome and action; the champion before challengers.
        person_answers: "yes" that one person teaches about an action within `person_days`; 0 is no bound.
        advice: what is to be done, in words.
    """

    champion: str
    position: int
    models: tuple[Contender, ...]
    figures: tuple[Figures, ...]
    person_answers: int = 0
    person_days: int = 0
    advice: tuple[str, ...] = ()


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A kept state of what all models have learned.

    Args:
        number: of the journal entry that keeps it; what `restore` is told.
        at: when it was kept; None where the entry went by retention.
        position: last journal entry that it has learned.
        hash: digest of the learned state.
        bytes: size of the state.
        champion: name of the model that decided then.
    """

    number: int
    at: datetime | None
    position: int
    hash: str
    bytes: int
    champion: str


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order.

    Args:
        entry: of the journal that holds it.
        champion: name of the model that decides now; None where nobody serves.
        live_ms: time from its commit until the process that took the order decided so; None where it did not yet.
    """

    entry: int
    champion: str | None = None
    live_ms: float | None = None


def contenders(model: PropensityModel) -> tuple[Contender, ...]:
    """List the models of a project, in file order."""
    if not isinstance(model, Contest):
        return ()
    return tuple(
        Contender(
            name=spec.name,
            kind=spec.kind,
            champion=spec.name == model.champion,
            named=spec.name == model.named,
            predictors=tuple(one.name for one in spec.predictors),
            answers=int(model.models[spec.name].evidence().sum()) if spec.name in model.models else 0,
            failure=model.failed.get(spec.name, ""),
            note=_note(model.models.get(spec.name)),
        )
        for spec in model.specs
    )


def _note(model: PropensityModel | None) -> str:
    """Say from how many answers trees were trained, or why there are none."""
    if not isinstance(model, TreesModel):
        return ""
    if model.has_trees:
        return f"trees of {model.trained:,} answers"
    missing = "" if has_lightgbm() else "; LightGBM is not installed here, see opportune[trees]"
    return f"no trees yet, so it predicts by the rates of the actions{missing}"


def comparison(model: PropensityModel, position: int, plan: Plan) -> Comparison:
    """Compare all models; reads the scoreboard, so nothing may be learned meanwhile.

    Args:
        position: journal entry that they have learned to.
        plan: of the revision in use.
    """
    if not isinstance(model, Contest):
        raise TypeError("expected champion and challengers")
    names = [model.champion, *(name for name in model.models if name != model.champion)]
    return Comparison(
        champion=model.champion,
        position=position,
        models=contenders(model),
        figures=tuple(figures(model.scoreboard, names, model.champion)),
        person_answers=plan.answers_per_person,
        person_days=plan.quota_days if plan.answers_per_person else 0,
    )


def versions(storage: Storage) -> list[Version]:
    """List the kept states, the newest first.

    Raises:
        StoreError: the store cannot be read.
    """
    found = []
    for state in storage.model_states(STATES):
        entries = storage.journal(state.sequence - 1, 1, (Kind.MODEL,))
        is_kept = bool(entries) and entries[0].sequence == state.sequence
        found.append(
            Version(
                number=state.sequence,
                at=entries[0].recorded_at if is_kept else None,
                position=state.position,
                hash=state.hash,
                bytes=len(state.state),
                champion=str(from_bytes(state.state).meta.get("champion", "")),
            )
        )
    return found


def promotion(plan: Plan, model: str, new_id: str, author: str = "", reason: str = "") -> ChangeModels:
    """Order that a model decides.

    Args:
        plan: of the revision in use.

    Raises:
        UnknownError: the strategy in use has no such model.
        InputError: author or reason are too long.
    """
    check_words(author, reason)
    names = [spec.name for spec in plan.models]
    if model not in names:
        raise UnknownError.of(
            "model", "the strategy in use has no model of this name", f"name one of {', '.join(names)}", "not-found"
        )
    return ChangeModels(id=f"promote-{new_id}", order="promote", model=model, author=author, reason=reason)


def restoration(storage: Storage, number: int, new_id: str, author: str = "", reason: str = "") -> ChangeModels:
    """Order that a kept state is what the models know; what was learned since is gone from them.

    Args:
        number: of the version.

    Raises:
        UnknownError: no such version is kept.
        InputError: author or reason are too long.
        StoreError: the store cannot be read.
    """
    check_words(author, reason)
    for state in storage.model_states(STATES):
        if state.sequence == number:
            return ChangeModels(
                id=f"restore-{new_id}",
                order="replace",
                position=state.position,
                hash=digest_of(state.state).hex(),
                state=state.state,
                author=author,
                reason=reason,
            )
    raise UnknownError.of(
        "version", "no version of this number is kept", "see 'opportune models versions'", "not-found"
    )


def check_words(author: str, reason: str) -> None:
    """Refuse words that are too long for the journal.

    Raises:
        InputError: they are.
    """
    for where, text, limit in (("author", author, AUTHOR_MAX), ("reason", reason, REASON_MAX)):
        if len(text) > limit:
            raise InputError.of(where, f"expected at most {limit} characters, found {len(text)}", "shorten it")
