"""The quality of data for Prometheus: names of inputs and counts, nothing of any person."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from opportune.service.runtime import Runtime

__all__ = ["QualityFigures"]


class QualityFigures:
    """Gives what this process counted, at the moment it is asked for."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        """Give the counters of this process, and the concerns of the installation as they were found last."""
        if not self._runtime.ready:
            return
        counts = self._runtime.quality.counts
        yield CounterMetricFamily("opportune_data_decisions", "Decisions whose inputs were counted.", counts.decisions)
        known = "Decisions for persons who are known, whose inputs were counted."
        yield CounterMetricFamily("opportune_data_known", known, counts.known)
        faults = CounterMetricFamily("opportune_data_faults", "Decisions by input and fault.", labels=["input", "kind"])
        for name, count in counts.absent.items():
            faults.add_metric([name, "missing"], count)
        for kind, inputs in counts.doubts.items():
            for name, count in inputs.items():
                faults.add_metric([name, kind], count)
        yield faults
        refused = CounterMetricFamily("opportune_data_refused", "Refused values by input.", labels=["input"])
        for name, count in counts.refused.items():
            refused.add_metric([name], count)
        yield refused
        found = GaugeMetricFamily(
            "opportune_data_concern", "Figures above the threshold of the project.", labels=["input", "kind"]
        )
        for one in self._runtime.quality.concerns:
            found.add_metric([one.input, one.kind], one.value)
        yield found
