"""Decision core in process, against a floor in C, other products, and a careful rival.

./run bench decide [--quick] [--sizes 10,100] [--rounds 30] [--page docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks import floor as floor_module
from benchmarks.engine import FLOOR, GOAL, SCALE, Engine, build_plan, usual_model, warm_model
from benchmarks.floor import Floor
from benchmarks.page import PAGE, machine, replace
from benchmarks.peers import LEARNERS, RULE_ENGINES, Composite, Learner, Rival, RuleEngine, version_of
from benchmarks.timing import Contender, Quantiles, measure, measure_steady, pin
from benchmarks.world import World, make_world
from opportune.learning import BayesModel
from opportune.records import Decision, Stage
from opportune.service.collector import quiet_collector

__all__ = [
    "FIRST_ROW",
    "FLOOR_ROW",
    "NUMBA_ROW",
    "NUMPY_ROW",
    "RIVAL_ROW",
    "USUAL_ROW",
    "Case",
    "main",
    "prepare",
    "table",
]

SIZES = (10, 100, 1_000, 10_000)
FLOOR_ROW = "floor: one fused C function"
NUMBA_ROW = "Opportune, Numba kernel"
FIRST_ROW = "Opportune, Numba kernel, a customer's first decision"
NUMPY_ROW = "Opportune, NumPy kernel"
USUAL_ROW = "Opportune, the default model, Numba kernel"
"""The floor and the rival score as `bayes` does, and so do the other rows; this one is compared with none."""
RIVAL_ROW = "careful rival: generated Python function + NumPy product"
STEADY_ROWS = (FLOOR_ROW, NUMBA_ROW, USUAL_ROW, NUMPY_ROW, RIVAL_ROW)
"""Those that are also measured in blocks of their own."""
STEADY_BLOCKS, STEADY_CALLS = 20, 200
CHECKED = 50
TOLERANCE = 1e-4
"""Largest difference of a selection probability between kernels; the order of sums differs."""
AGREEING = 0.98
"""Share of decisions that must be the same: a draw on the border between two candidates may fall to either side."""


@dataclass
class Case:
    """One size, ready to be measured.

    Args:
        left_out: contender → why it is not measured.
        disagreements: what did not give the same answer; empty if all is well.
        passing: median number of actions that pass the gate.
    """

    world: World
    contenders: dict[str, Contender]
    passing: float
    left_out: dict[str, str] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)


def prepare(size: int, customers: int, peers: bool = True, passing_like: int | None = None) -> Case:
    """Build the world of one size, all contenders on it, and check that they agree.

    Args:
        peers: with rule engines, learners and the rival, or Opportune and the floor alone.
        passing_like: let about as many actions pass as in a world of this size.
    """
    world = make_world(size, customers=customers, rare=1.0 - passing_like / size if passing_like else 0.0)
    plan = build_plan(world)
    model = warm_model(world, "numba")
    engines = {
        NUMBA_ROW: Engine(plan, world, model),
        NUMPY_ROW: Engine(plan, world, warm_model(world, "numpy")),
        USUAL_ROW: Engine(plan, world, usual_model(world, "numba")),
    }
    # Of everybody, so that all are known afterwards: half of them known would put the median between two heaps.
    everybody = {name: [engine.decide(i) for i in range(customers)] for name, engine in engines.items()}
    decisions = {name: found[:CHECKED] for name, found in everybody.items()}
    passing = float(np.median([_passed(decision).sum() for decision in decisions[NUMBA_ROW]]))
    contenders: dict[str, Contender] = {name: engine.decide for name, engine in engines.items()}
    case = Case(world, contenders | {FIRST_ROW: engines[NUMBA_ROW].decide_first}, passing)
    case.disagreements += _compare(NUMPY_ROW, _drawn(decisions[NUMPY_ROW]), decisions[NUMBA_ROW])
    _add_floor(case, model, decisions[NUMBA_ROW])
    if peers:
        _add_rival(case, model, decisions[NUMBA_ROW])
        _add_peers(case, decisions[NUMBA_ROW])
    return case


def _add_floor(case: Case, model: BayesModel, decisions: Sequence[Decision]) -> None:
    world = case.world
    try:
        floor = Floor(world, model, world.levers, SCALE, FLOOR, GOAL.weight / GOAL.normal)
    except OSError as error:
        case.left_out[FLOOR_ROW] = str(error)
        return
    uniforms = [np.array((*decision.traces[0].uniforms, 0.0, 0.0, 0.0)[:3]) for decision in decisions]
    answers = [floor.decide(i, uniforms[i]) for i in range(len(decisions))]
    found = [(answer.chosen, answer.probability) for answer in answers]
    case.disagreements += _compare(FLOOR_ROW, found, decisions)
    for answer, decision in zip(answers, decisions, strict=True):
        expected = int(_passed(decision).sum())
        if answer.passed != expected:
            case.disagreements.append(f"{FLOOR_ROW}: {answer.passed} actions passed, expected {expected}")
    draws = np.random.default_rng(1).random((len(world.profiles), 3))
    case.contenders = {
        FLOOR_ROW: lambda customer: floor.decide(customer, draws[customer]).microseconds,
        **case.contenders,
    }


def _add_rival(case: Case, model: BayesModel, decisions: Sequence[Decision]) -> None:
    rival = Rival(case.world, model, case.world.levers, GOAL.weight / GOAL.normal)
    case.contenders[RIVAL_ROW] = rival.decide
    for customer, decision in enumerate(decisions):
        priority = rival.priority(customer)
        for action in decision.placements[0].actions:
            own = float(priority[int(action.action[1:])])
            if abs(own - action.priority) > TOLERANCE * max(1.0, abs(own)):
                case.disagreements.append(f"{RIVAL_ROW}: priority {own} of {action.action}, expected {action.priority}")


def _add_peers(case: Case, decisions: Sequence[Decision]) -> None:
    rules: dict[str, RuleEngine] = {}
    learners: dict[str, Learner] = {}
    for name, rule_engine in RULE_ENGINES.items():
        try:
            rules[name] = rule_engine(case.world)
        except (ImportError, OSError, RuntimeError) as error:
            case.left_out[name] = f"{type(error).__name__}: {error}"
    for name, learner in LEARNERS.items():
        try:
            learners[name] = learner(case.world)
        except (ImportError, OSError, RuntimeError) as error:
            case.left_out[name] = f"{type(error).__name__}: {error}"
    for name, engine in rules.items():
        case.contenders[f"{name}: rules alone"] = engine.passed
        for customer, decision in enumerate(decisions[:10]):
            if list(engine.passed(customer)) != _passed(decision).tolist():
                case.disagreements.append(f"{name}: other rules hold for customer {customer}")
    for name, peer in learners.items():
        case.contenders[f"{name}: scores of all alone"] = _score_all(peer, case.world.size)
    worth = case.world.values * case.world.levers
    for rules_name, engine in rules.items():
        for name, peer in learners.items():
            case.contenders[f"{rules_name} + {name}"] = Composite(engine, peer, worth).decide


def _score_all(learner: Learner, size: int) -> Contender:
    everybody = range(size)
    return lambda customer: learner.score(customer, everybody)


def _passed(decision: Decision) -> np.ndarray:
    stages = np.frombuffer(decision.traces[0].stages, dtype=np.uint8)
    return ~np.isin(stages, (Stage.ELIGIBILITY, Stage.APPLICABILITY, Stage.SUITABILITY))


def _drawn(decisions: Sequence[Decision]) -> list[tuple[list[int], list[float]]]:
    return [
        (list(d.traces[0].chosen), [action.selection_probability for action in d.placements[0].actions])
        for d in decisions
    ]


def _compare(name: str, found: Sequence[tuple[list[int], list[float]]], decisions: Sequence[Decision]) -> list[str]:
    """Compare places up to the first that differs: what comes after it hangs on it."""
    different = []
    same = 0
    for (chosen, chances), (wanted, expected) in zip(found, _drawn(decisions), strict=True):
        own = [candidate for candidate in chosen if candidate >= 0]
        same += own == wanted
        for a, b, p, q in zip(own, wanted, chances, expected, strict=False):
            if a != b:
                break
            if abs(p - q) > TOLERANCE:
                different.append(f"{name}: probability {p:.6f}, expected {q:.6f}")
    if same < AGREEING * len(decisions):
        different.append(f"{name}: {same} of {len(decisions)} decisions are the same")
    return different


def table(measured: dict[str, dict[str, Quantiles]]) -> str:
    """Write a Markdown table: a row per contender, a column per case; median, p10-p90, multiple of the floor."""
    rows = list(dict.fromkeys(name for column in measured.values() for name in column))
    lines = ["| µs | " + " | ".join(measured) + " |", "|---|" + "---:|" * len(measured)]
    for row in rows:
        cells = [_cell(column, row) for column in measured.values()]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(column: dict[str, Quantiles], row: str) -> str:
    if row not in column:
        return "–"
    found = column[row]
    text = f"{_number(found.median)} ({_number(found.p10)}–{_number(found.p90)})"
    if FLOOR_ROW in column and row != FLOOR_ROW:
        text += f", {_number(found.median / column[FLOOR_ROW].median)} ×"
    return text


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ratios(measured: dict[str, dict[str, Quantiles]], passing: dict[str, float]) -> list[str]:
    """Say how the kernels stand against the floor, the composites and the rival, and how cost grows."""
    lines = []
    for name, column in measured.items():
        composites = {row: found.median for row, found in column.items() if _is_composite(row)}
        for kernel in (NUMBA_ROW, NUMPY_ROW, USUAL_ROW):
            own = column[kernel].median
            parts = []
            if FLOOR_ROW in column:
                parts.append(f"{own / column[FLOOR_ROW].median:.1f} times the floor")
            if composites:
                for word, choose in (("fastest", min), ("slowest", max)):
                    row = choose(composites, key=lambda row: composites[row])
                    parts.append(f"{_versus(own, composites[row])} the {word} composite ({row})")
            if RIVAL_ROW in column:
                parts.append(f"{_versus(own, column[RIVAL_ROW].median)} the careful rival")
            if kernel == USUAL_ROW:
                parts.append(f"{own / column[NUMBA_ROW].median:.2f} times {NUMBA_ROW}")
            lines.append(f"- {name}, {kernel}: {', '.join(parts)}.")
    return lines + _growth(measured, passing)


def _is_composite(row: str) -> bool:
    return any(row.startswith(f"{name} + ") for name in RULE_ENGINES)


def _versus(own: float, other: float) -> str:
    return f"{other / own:.1f} times faster than" if own <= other else f"{own / other:.1f} times slower than"


def _growth(measured: dict[str, dict[str, Quantiles]], passing: dict[str, float]) -> list[str]:
    """Compare every case of 10,000 actions with 1,000."""
    base = _name(1_000)
    if base not in measured:
        return []
    lines = []
    for name in measured:
        if name.startswith(_name(10_000)):
            costs = ", ".join(
                f"{row} {measured[name][row].median / measured[base][row].median:.1f}"
                for row in (FLOOR_ROW, NUMBA_ROW, NUMPY_ROW, USUAL_ROW)
                if row in measured[base]
            )
            more = passing[name] / passing[base]
            lines.append(f"- {name} against {base}: {more:.1f} times as many pass; times the cost: {costs}.")
    return lines


def _name(size: int) -> str:
    return f"{size:,} actions"


def _report(
    measured: dict[str, dict[str, Quantiles]],
    steady: dict[str, dict[str, Quantiles]],
    passing: dict[str, float],
    left_out: dict[str, str],
    command: str,
) -> str:
    packages = ("numpy", "numba", "zen-engine", "cel-expr-python", "vowpalwabbit", "gittins", "river")
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {version_of(package)}")
        except ModuleNotFoundError:
            versions.append(f"{package} missing")
    passed = ", ".join(f"{count:,.0f} of {name}" for name, count in passing.items())
    lines = [
        f"Machine: {machine()}, one core.",
        f"Versions: {', '.join(versions)}; C compiled with `{' '.join(floor_module.FLAGS[:3])}`.",
        f"Command: `{command}`.",
        f"Passing the gate (median): {passed}.",
        "Cells: median (p10–p90) in microseconds, and the median as a multiple of the floor's.",
        "",
        table(measured),
        "",
        *_ratios(measured, passing),
        "",
        f"In a steady loop: blocks of {STEADY_CALLS} decisions ({STEADY_CALLS // 4} at 10,000 actions) in turn, "
        "without the first tenth of each:",
        "",
        table(steady),
    ]
    lines += ["", *(f"Left out: {name}, because {reason}." for name, reason in left_out.items())] if left_out else []
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 where contenders disagree."""
    parser = argparse.ArgumentParser(prog="./run bench decide", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: shows that it works")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of actions")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--page", type=Path, default=None, help="page to write into; default docs/benchmarks.md")
    options = parser.parse_args(arguments)
    sizes = [10, 100] if options.quick else [int(size) for size in options.sizes.split(",")]
    rounds, customers = (3, 40) if options.quick else (options.rounds, 300)
    page = options.page or (None if options.quick else PAGE)
    console = Console(stderr=True)
    pin()
    measured: dict[str, dict[str, Quantiles]] = {}
    steady: dict[str, dict[str, Quantiles]] = {}
    passing: dict[str, float] = {}
    left_out: dict[str, str] = {}
    failed = 0
    cases: list[tuple[str, int, int | None]] = [(_name(size), size, None) for size in sizes]
    if 1_000 in sizes and 10_000 in sizes:
        cases.append((f"{_name(10_000)}, as many passing as of 1,000", 10_000, 1_000))
    for name, size, like in cases:
        begin = time.perf_counter()
        case = prepare(size, customers, peers=like is None, passing_like=like)
        quiet_collector()
        measured[name] = measure(case.contenders, customers, rounds, round_seconds=0.05)
        loops = {row: case.contenders[row] for row in STEADY_ROWS if row in case.contenders}
        blocks, calls = (2, 20) if options.quick else (STEADY_BLOCKS, STEADY_CALLS)
        steady[name] = measure_steady(loops, customers, blocks, calls if size < 10_000 else max(1, calls // 4))
        passing[name] = case.passing
        left_out |= case.left_out
        for problem in case.disagreements[:10]:
            console.print(f"{name}: {problem}", style="red", markup=False)
        failed |= bool(case.disagreements)
        console.print(f"{name}: done in {time.perf_counter() - begin:.0f} s", markup=False)
    text = _report(measured, steady, passing, left_out, "./run bench decide")
    print(text)
    print("\nAnswers " + ("DISAGREE, see above" if failed else "agree"))
    if page is not None and not failed:
        replace(page, "decide", text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
