"""The service with processes that acknowledge outcomes before they are written."""

from __future__ import annotations

import sys
from functools import partial

from opportune.cli import main, serve

serve.serve_fleet = partial(serve.serve_fleet, command=(sys.executable, "-m", "tests.reliability.early_process"))

if __name__ == "__main__":
    main()
