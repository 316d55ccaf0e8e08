"""The service with processes that tell the store of nothing that they knew."""

from __future__ import annotations

import sys
from functools import partial

from opportune.cli import main, serve

if __name__ == "__main__":
    command = (sys.executable, "-m", "tests.service.blind_process")
    serve.serve_fleet = partial(serve.serve_fleet, command=command)
    main()
