"""A client that takes of stocks through the service: python take_stock.py FILE NAME ATTEMPTS ABANDONED.

FILE holds the address of the service, which may change when that is started anew. Every attempt asks for one action and
accepts what is shown; with a request that got no answer it tries again under the same id, as a channel does. Prints the
shown action after every answer, "-" where nothing was.

ABANDONED is the share of decisions that it never answers, in percent.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import time
from pathlib import Path
from typing import Any


class Caller:
    """A connection that comes back."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send until there is an answer that is no fallback and no refusal of the moment."""
        while True:
            try:
                if self.connection is None:
                    host, _, port = self.file.read_text().rpartition("//")[2].partition(":")
                    self.connection = http.client.HTTPConnection(host, int(port), timeout=10)
                self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                answer = self.connection.getresponse()
                text = answer.read()
                if answer.status < 500 and answer.status != 429:
                    found: dict[str, Any] = json.loads(text)
                    return found
            except (OSError, http.client.HTTPException, ValueError):
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
            time.sleep(0.02)


def attempt(caller: Caller, id: str, abandon: bool) -> str:
    """Ask, and accept what is shown; give the action or "-"."""
    asked = {"id": id, "channel": "till", "placements": [{"name": "receipt"}]}
    answer = caller.post("/v1/decisions", asked)
    shown = answer["placements"][0]["actions"]
    if not shown or answer.get("degraded"):
        return "-"
    action = str(shown[0]["action"])
    if not abandon:
        outcome = {"id": f"o-{id}", "decision": answer["id"], "action": action, "outcome": "accept"}
        caller.post("/v1/outcomes", outcome)
    return action


def main() -> None:
    """Attempt so many times."""
    file, name, attempts, abandoned = sys.argv[1:]
    chance = random.Random(name)
    caller = Caller(Path(file))
    for number in range(int(attempts)):
        abandon = chance.random() * 100 < float(abandoned)
        print(attempt(caller, f"{name}-{number}", abandon), flush=True)


if __name__ == "__main__":
    main()
