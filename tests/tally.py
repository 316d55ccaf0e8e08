"""Adds up the pytest runs of `./run test`, prints every reason for a skip with its count, and gives the exit code.

usage: tally.py FILE EXIT_CODE ...
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

NO_TESTS = 5
"""What pytest exits with when it found nothing to run, as with no serial test among those asked for."""


def main(file: str, *codes: str) -> int:
    """Print the sum of all runs and return 0 only if every run was clean and at least one test ran."""
    runs = [json.loads(line) for line in Path(file).read_text().splitlines()]
    passed = sum(run["passed"] for run in runs)
    failed = sum(run["failed"] + run["error"] for run in runs)
    skipped: Counter[str] = Counter()
    for run in runs:
        skipped.update(run["skipped"])
    for reason, count in sorted(skipped.items()):
        print(f"skipped {count}: {reason}")
    if skipped and os.environ.get("CI") == "true":
        print("CI=true: a skip is a failure")
    print(f"{passed} passed, {failed} failed, {skipped.total()} skipped")
    bad_codes = [code for code in map(int, codes) if code not in (0, NO_TESTS)]
    return bad_codes[0] if bad_codes else int(passed == 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
