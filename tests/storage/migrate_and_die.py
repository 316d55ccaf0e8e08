"""Bring a store up to this version, and be killed in the middle.

Usage: migrate_and_die.py STORE MODE STEPS

MODE "count" prints the number of steps of the whole migration, "whole" kills this process after STEPS of them;
"careless" does too, and commits every statement by itself: the negative control.
"""

from __future__ import annotations

import os
import signal
import sys

import apsw

from opportune.storage.migrating import migrations
from opportune.storage.sqlite.schema import migrate
from opportune.testing.storage import NOON


def main(path: str, mode: str, steps: int) -> None:
    done = 0
    connection = apsw.Connection(path)
    connection.execute("pragma synchronous = full; pragma secure_delete = on")

    def step() -> bool:
        nonlocal done
        done += 1
        if done == steps and mode != "count":
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    connection.set_progress_handler(step, 1)
    if mode == "careless":
        for _, _, sql in migrations("sqlite")[1:]:
            connection.execute(sql)
        connection.execute("pragma user_version = 2")
    else:
        migrate(connection, lambda: NOON)
    sys.stdout.write(str(done))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
