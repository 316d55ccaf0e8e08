"""Sends the coupon survey through a running service, contact by contact, and reports what it learned.

Run by `./run demo`. Everything goes over the public HTTP API as a channel would do it: a decision is asked for, then
the recorded coupon is reported as what the channel showed, with the recorded answer. Traffic stays on loopback.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import data_mapping  # noqa: E402
import demo_report  # noqa: E402

console = Console(highlight=False, soft_wrap=True)
PORT = 8470
IMPORT_BATCH = 500
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.1
TRY_AGAIN = (408, 429, 502, 503, 504)


def main() -> int:
    """Run the demo; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="stop after the report")
    parser.add_argument("--contacts", type=int, default=None, help="send only so many contacts")
    parser.add_argument("--folder", type=Path, default=HERE.parents[1] / ".demo", help="where the store is kept")
    options = parser.parse_args()

    contacts = list(data_mapping.rows())[: options.contacts]
    store = fresh_store(options.folder)
    console.print(f"[bold]Opportune demo[/bold]: {len(contacts):,} recorded answers of drivers to ten coupons")
    console.print("T. Wang et al. (2017), UCI in-vehicle coupon recommendation, CC BY 4.0; see examples/coupons/data\n")
    with service(store) as address:
        seconds = send(address, contacts)
        demo_report.show(console, address, store, contacts, seconds, options.folder)
        say_how_to_ask(store, len(contacts))
        if not options.once:
            stay(address)
    return 0


def fresh_store(folder: Path) -> Path:
    """Make the demo's folder and clear away the store of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "coupons.db"
    for old in folder.glob("coupons.db*"):
        old.unlink()
    return store


@contextmanager
def service(store: Path) -> Iterator[str]:
    """Start the service on a free port of loopback, give its address, stop it in the end."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "opportune.cli", "serve", str(HERE), "--store", str(store), "--port", str(port)]
    with (store.parent / "service.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
    try:
        wait_until_ready(address, process, store.parent / "service.log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def free_port() -> int:
    """Give the demo's usual port, or any free one where that is taken."""
    for wanted in (PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("no free port on 127.0.0.1")


def wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for /readyz."""
    with console.status("starting the service"):
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if process.poll() is not None:
                raise SystemExit(f"the service did not start:\n{log.read_text()}")
            try:
                if httpx.get(f"{address}/readyz", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise SystemExit(f"the service was not ready within {PATIENCE_SECONDS} s; see {log}")


def send(address: str, contacts: list[data_mapping.Contact]) -> dict[str, list[float]]:
    """Import the drivers, then play every contact in order; give the seconds of each call by kind."""
    seconds: dict[str, list[float]] = {"decision": [], "outcome": []}
    columns = (TextColumn("{task.description:12}"), BarColumn(40), MofNCompleteColumn(), TimeRemainingColumn())
    with httpx.Client(base_url=address, timeout=10) as http, Progress(*columns, console=console) as progress:
        import_drivers(http, progress, contacts)
        task = progress.add_task("contacts", total=len(contacts))
        for number, contact in enumerate(contacts):
            play(http, number, contact, seconds)
            progress.advance(task)
    return seconds


def import_drivers(http: httpx.Client, progress: Progress, contacts: list[data_mapping.Contact]) -> None:
    """Send the profiles of all drivers in bulk."""
    drivers = {contact.customer: contact.attributes for contact in contacts}
    lines = [{"id": driver, "attributes": attributes} for driver, attributes in drivers.items()]
    task = progress.add_task("drivers", total=len(lines))
    for start in range(0, len(lines), IMPORT_BATCH):
        batch = lines[start : start + IMPORT_BATCH]
        answer = http.post("/v1/customers", content=msgspec.json.encode(batch), headers=JSON)
        answer.raise_for_status()
        progress.advance(task, len(batch))


JSON = {"Content-Type": "application/json"}


def play(http: httpx.Client, number: int, contact: data_mapping.Contact, seconds: dict[str, list[float]]) -> None:
    """Ask for a decision as the screen of the car would, then report what was recorded."""
    asked = {
        "id": f"contact-{number:05}",
        "customer": contact.customer,
        "channel": contact.channel,
        "placements": [{"name": contact.placement}],
        "context": contact.context,
    }
    decision = timed_post(http, "/v1/decisions", asked, seconds["decision"])
    outcome = {
        "id": f"answer-{number:05}",
        "decision": decision["id"],
        "action": contact.action,
        "treatment": contact.treatment,
        "placement": contact.placement,
        "outcome": contact.outcome,
    }
    timed_post(http, "/v1/outcomes", outcome, seconds["outcome"])


def timed_post(http: httpx.Client, path: str, body: Mapping[str, object], seconds: list[float]) -> dict[str, str]:
    """Post JSON and note how long the answer took, parsing apart.

    What got no answer, or was asked for another time, is sent again: its id keeps it from counting twice.
    """
    content = msgspec.json.encode(body)
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        start = time.perf_counter()
        try:
            answer = http.post(path, content=content, headers=JSON)
        except httpx.TransportError:
            continue
        took = time.perf_counter() - start
        if answer.status_code not in TRY_AGAIN:
            seconds.append(took)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=dict)
        time.sleep(PAUSE_SECONDS)
    raise SystemExit(f"the service has not answered for {PATIENCE_SECONDS} s; is this machine busy?")


def say_how_to_ask(store: Path, contacts: int) -> None:
    """Name a command that explains any other of the decisions."""
    shown = store.relative_to(Path.cwd()) if store.is_relative_to(Path.cwd()) else store
    command = f"./run opportune explain contact-{contacts // 3:05} --store {shown}"
    console.print(f"\nAsk on about any decision, contact-00000 to contact-{contacts - 1:05}:\n  {command}")


def stay(address: str) -> None:
    """Keep the service running until interrupted."""
    console.print(f"\nThe service stays at [bold]{address}[/bold] (API: {address}/openapi.json); Ctrl+C stops it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("stopped")


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("stopped") from None
