"""The command line: one file per command.

Exit codes: 0 fine; 1 problems were found (in the project, the rows, the store); 2 wrong use, or it could not be done.
"""

import sys

try:
    from opportune.cli.main import main
except KeyboardInterrupt:
    # Loading takes a moment in which Ctrl+C is no fault; the code is that of `INTERRUPTED`.
    sys.exit(130)

__all__ = ["main"]
