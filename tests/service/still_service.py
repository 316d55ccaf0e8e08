"""The service with processes whose clocks stand still."""

from __future__ import annotations

import sys
from functools import partial

from opportune.cli import main, serve

if __name__ == "__main__":
    command = (sys.executable, "-m", "tests.service.still_process")
    serve.serve_fleet = partial(serve.serve_fleet, command=command)
    main()
