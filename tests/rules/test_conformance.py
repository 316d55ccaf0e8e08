"""The public conformance suite of CEL: every case of our part of the language passes, the others have a reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tests.rules.conformance import PASSED, Case, Excluded, cases, run

DOCS = Path(__file__).parents[2] / "docs" / "concepts" / "rules.md"


@lru_cache(maxsize=1)
def outcomes() -> list[tuple[Case, str, str]]:
    """Give for every case "passed", "excluded" or "failed", and why."""
    found = []
    for case in cases():
        try:
            result = run(case)
        except Excluded as reason:
            found.append((case, "excluded", str(reason)))
        else:
            found.append((case, PASSED if result == PASSED else "failed", result))
    return found


def test_no_case_fails(tell: Callable[[str], None]) -> None:
    per_file: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for case, kind, why in outcomes():
        per_file.setdefault(case.file, Counter())[kind] += 1
        if kind == "excluded":
            reasons.setdefault(case.file, Counter())[why] += 1
    failures = [f"{c.file} {c.name}: {c.text('expr')}: {why}" for c, kind, why in outcomes() if kind == "failed"]

    for file, counts in per_file.items():
        why = ", ".join(f"{reason} {count}" for reason, count in reasons.get(file, Counter()).most_common())
        passed, excluded, failed = counts[PASSED], counts["excluded"], counts["failed"]
        tell(f"{file:12} passed {passed:3}  excluded {excluded:3}  failed {failed}  {why}")
    total = sum(per_file.values(), Counter())
    tell(f"{'all':12} passed {total[PASSED]}  excluded {total['excluded']}  failed {total['failed']}")

    assert not failures


def test_the_documentation_lists_the_reasons_with_their_counts() -> None:
    counted = Counter(why for _, kind, why in outcomes() if kind == "excluded")
    passed = sum(kind == PASSED for _, kind, _ in outcomes())
    text = DOCS.read_text(encoding="utf-8")

    rows = re.findall(r"^\| (.+?) \| (\d+) \| .* \|$", text, re.MULTILINE)
    documented = {reason: int(count) for reason, count in rows}

    assert documented == counted
    assert f"{passed} pass, {counted.total()} are excluded, 0 fail" in text
