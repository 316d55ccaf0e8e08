"""python -m benchmarks decide|decide-limits|decide-slates|events|service|learned|learning [OPTION ...]."""

from __future__ import annotations

import os
import sys

# One core is measured; BLAS reads this when NumPy is first imported.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def main(arguments: list[str]) -> int:
    """Run the named benchmark."""
    from benchmarks import decide, decide_limits, decide_slates, events, learned, service
    from benchmarks.learning import main as learning

    benchmarks = {
        "decide": decide.main,
        "decide-limits": decide_limits.main,
        "decide-slates": decide_slates.main,
        "service": service.main,
        "events": events.main,
        "learned": learned.main,
        "learning": learning.main,
    }
    if not arguments or arguments[0] not in benchmarks:
        found = arguments[0] if arguments else "nothing"
        print(f"expected one of {', '.join(benchmarks)}, found {found}", file=sys.stderr)
        return 2
    return benchmarks[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
