"""The command line: one file per command.

Exit codes: 0 fine; 1 problems were found (in the project, the rows, the store); 2 wrong use, or it could not be done.
"""

from opportune.cli.main import main

__all__ = ["main"]
