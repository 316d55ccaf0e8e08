"""Counters and timings for Prometheus; names of routes and reasons only, nothing of any person."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from opportune.service.http.quality_figures import QualityFigures
from opportune.service.runtime import Runtime

__all__ = ["Metrics"]

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """What one service counts."""

    def __init__(self, runtime: Runtime) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "opportune_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "opportune_request_seconds", "Time to answer by route.", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self.decisions = Counter(
            "opportune_decisions", "Decisions by reason of degradation.", ["degraded"], registry=self.registry
        )
        self.items = Counter(
            "opportune_items",
            "Outcomes, events and customers by what became of them.",
            ["kind", "status"],
            registry=self.registry,
        )
        self.refusals = Counter("opportune_refusals", "Refused requests by code.", ["code"], registry=self.registry)
        self.ignored = Counter(
            "opportune_ignored_attributes", "Attributes that requests brought undeclared.", registry=self.registry
        )
        self.registry.register(_State(runtime))
        self.registry.register(QualityFigures(runtime))
        self.undegraded = self.decisions.labels("")

    def text(self) -> bytes:
        """Write everything in the text format of Prometheus."""
        return generate_latest(self.registry)


class _State:
    """Reads gauges at the moment they are asked for."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        runtime = self._runtime
        if not runtime.ready:
            return
        learning = runtime.learning()
        values = {
            "opportune_model_position": ("Journal entry that the model has learned to.", learning.position),
            "opportune_model_lag": ("Outcomes acknowledged and not yet learned.", learning.lag),
            "opportune_model_learned": ("Answers learned since the start.", learning.learned),
            "opportune_model_unlearned": ("Answers taken back since the start.", learning.unlearned),
            "opportune_model_over_quota": ("Outcomes of persons who had taught enough.", learning.over_quota),
            "opportune_outcomes_unmatched": ("Outcomes of unknown decisions, refused.", runtime.unmatched),
            "opportune_model_skipped": ("Outcomes of candidates not in the strategy.", learning.skipped),
            "opportune_model_set_aside": ("Outcomes that could not be learned.", learning.set_aside),
            "opportune_writes_waiting": ("Writes that no commit has taken yet.", runtime.writer.waiting),
            "opportune_commits_failed": ("Commits that failed since the start.", runtime.write_log.failed),
            "opportune_late_records": ("Fallback answers whose record waits.", runtime.late_records.waiting),
            "opportune_late_records_lost": ("Fallback answers without a record.", runtime.late_records.given_up),
            "opportune_profile_misfits": ("Stored attributes that do not fit the strategy.", runtime.profiles.misfits),
        }
        for name, (text, value) in values.items():
            yield GaugeMetricFamily(name, text, value=float(value))
