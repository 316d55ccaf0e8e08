"""The quality of data, as a service sees it: counted with every decision, added up over all processes.

Counts begin when a process begins to serve a strategy, and end with the process; they say since when. What a journal
can tell, drift and values that are new, is read from there, and is the same for all processes and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from opportune.customers.quality import Counts, Freshness, Lasting, Tally, added
from opportune.decide.limits.consents import is_unprofiled
from opportune.decide.limits.windows import micros
from opportune.decide.zones import OWN_ZONE, zone_of
from opportune.errors import InputError
from opportune.evaluate.data_report import Concern, DataReport
from opportune.evaluate.data_report.report import Comparison, comparison_of, report_of
from opportune.records import Decision, Value
from opportune.service.live import Live
from opportune.service.profiles import KnownProfile
from opportune.service.revisions import Strategy
from opportune.storage import Storage
from opportune.storage.cluster import ProcessReport
from opportune.strategy.quality import closed_inputs, freshness, quality_inputs, thresholds

__all__ = ["Quality", "doubts_of", "recorded"]

COMPARED_FOR = timedelta(minutes=1)
"""How long what was read of the journal is told again without reading it anew."""
_MARK, _DOUBTS = "quality", "doubts"
"""Where a profile in memory remembers its mask, and its doubts."""


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """What the report of a process carries."""

    revision: str
    counts: Counts


_decode = msgspec.msgpack.Decoder(_Told).decode


def doubts_of(fresh: Freshness, strategy: Strategy, profile: KnownProfile, at: int) -> Lasting:
    """Say what is in doubt of a known person at a moment, in microseconds."""
    zone = zone_of(profile.facts.get(OWN_ZONE), strategy.plan.zone)
    return fresh.doubts(profile.facts, profile.times, profile.unfit, at, zone)


class Quality:
    """Counts decisions, and names what is in doubt of a profile; lives in the event loop's thread.

    `report` may be called from any thread.
    """

    def __init__(self, live: Live, now: datetime) -> None:
        self._live = live
        self._compared: tuple[str, datetime, Comparison] | None = None
        self.concerns: tuple[Concern, ...] = ()
        """What was found last."""
        self._adopt(live.current.strategy, now)

    def _adopt(self, strategy: Strategy, now: datetime) -> None:
        """Begin to count anew: another strategy has other inputs."""
        self._strategy = strategy
        self._inputs = quality_inputs(strategy.project)
        self._fresh = freshness(strategy.project)
        self._tally = Tally([one.name for one in self._inputs], now)
        self._encoded: tuple[int, bytes] = -1, b""

    def doubts(self, profile: KnownProfile, now: datetime) -> tuple[str, ...]:
        """Name the attributes of a known person that are missing, too old or not what the strategy takes."""
        if profile.person is None or (self._fresh.is_empty and not profile.unfit):
            return ()
        at = micros(now)
        memory = profile.facts.memory
        known = memory.get(_DOUBTS)
        if known is None or known[0] is not self._fresh or not known[2] <= at < known[1].until:
            known = memory[_DOUBTS] = self._fresh, doubts_of(self._fresh, self._strategy, profile, at), at
        found: tuple[str, ...] = known[1].doubts
        return found

    def note(
        self, strategy: Strategy, profile: KnownProfile, gathered: Mapping[str, Value], decision: Decision
    ) -> None:
        """Count a decision."""
        if strategy is not self._strategy:
            self._adopt(strategy, decision.at)
        if decision.holds and is_unprofiled(decision.holds):
            of_context = {name: value for name, value in gathered.items() if name.startswith("context.")}
            self._tally.note(0, False, of_context, decision.request.context, decision.doubts)
            return
        memory = profile.facts.memory
        known = memory.get(_MARK)
        if known is None or known[0] is not self._tally:
            known = memory[_MARK] = self._tally, self._tally.mask(profile.facts)
        mask: int = known[1]
        self._tally.note(mask, profile.person is not None, gathered, decision.request.context, decision.doubts)

    def refuse(self, error: InputError) -> None:
        """Count the values of attributes that were refused."""
        for problem in error.problems:
            if problem.code == "invalid-attribute":
                self._tally.refuse(problem.where)

    @property
    def counts(self) -> Counts:
        """What was counted so far, in this process."""
        return self._tally.counts()

    def encoded(self) -> bytes:
        """Write the counts for others, anew only where something was counted since."""
        if self._encoded[0] != self._tally.changes:
            told = _Told(self._strategy.plan.revision, self._tally.counts())
            self._encoded = self._tally.changes, msgspec.msgpack.encode(told)
        return self._encoded[1]

    def report(self, storage: Storage, process: str, own: Counts, now: datetime) -> DataReport:
        """Judge the inputs of the strategy that is served; blocks.

        Args:
            process: id of this process in reports; own: what it counted.

        Raises:
            StoreError: the store cannot be read.
        """
        strategy = self._live.current.strategy
        revision = strategy.plan.revision
        others = told_by((one for one in storage.cluster.processes() if one.id != process), revision)
        compared = self._compared
        if compared is None or compared[0] != revision or now - compared[1] > COMPARED_FOR:
            compared = self._compared = revision, now, comparison_of(storage, quality_inputs(strategy.project))
        report = judged(strategy, compared[2], [own, *others], now)
        self.concerns = report.concerns
        return report


def recorded(storage: Storage, strategy: Strategy, now: datetime) -> DataReport:
    """Judge the inputs of a strategy by the journal alone; blocks.

    Raises:
        StoreError: the store cannot be read.
    """
    return judged(strategy, comparison_of(storage, quality_inputs(strategy.project)), [], now)


def told_by(processes: Iterable[ProcessReport], revision: str) -> list[Counts]:
    """Read what processes counted that serve a revision."""
    found = []
    for process in processes:
        try:
            told = _decode(process.quality)
        except msgspec.MsgspecError:
            # Nothing was told, or by a process of another version.
            continue
        if told.revision == revision:
            found.append(told.counts)
    return found


def judged(strategy: Strategy, comparison: Comparison, parts: list[Counts], now: datetime) -> DataReport:
    """Judge inputs by what processes counted; by the journal where no process did."""
    project = strategy.project
    counted = [one for one in parts if one.decisions or one.refused]
    return report_of(
        project=project.settings.name,
        revision=strategy.plan.revision,
        known=quality_inputs(project),
        closed=closed_inputs(project),
        thresholds=thresholds(project),
        comparison=comparison,
        counts=added(counted),
        processes=len(counted),
        at=now,
    )
