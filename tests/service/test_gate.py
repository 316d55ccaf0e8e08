"""The gate: what is broken in any way is refused and changes nothing, what is good is taken."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from opportune.errors import InputError, Problem, ProjectError
from opportune.service.publishing import Offer, publish
from opportune.storage import SqliteStorage, Storage
from opportune.strategy.files import read_texts
from opportune.strategy.starter import STARTER
from tests.strategy.test_broken import CASES, edited, read

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def starter() -> dict[str, str]:
    return dict(read_texts(STARTER)[0])


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with SqliteStorage(tmp_path / "shop.db") as opened:
        publish(opened, Offer(starter(), now=NOW), "first", "numpy")
        yield opened


Mutant = tuple[str, dict[str, str]]


def broken_projects() -> Iterator[Mutant]:
    """Give broken projects without end: each single fault that is known, then faults put into any place by chance."""
    for case in CASES:
        yield case.stem, edited(read(case)["edit"])
    chance = random.Random(20260504)
    names = sorted(starter())
    while True:
        files, path = starter(), chance.choice(names)
        kind, text = _spoiled(chance, path, files[path])
        if text != files[path]:
            yield f"{kind} in {path}", files | {path: text}


def _spoiled(chance: random.Random, path: str, text: str) -> tuple[str, str]:
    """Put one fault into a text that no reading of it can take for something else."""
    lines = text.splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"\s*[a-z_]+:", line)]
    place = chance.choice(keys) if keys else 0
    line = lines[place] if lines else ""
    kind = chance.choice(("unknown key", "open quote", "tab", "control character", "two keys", "tag", "wrong rule"))
    if kind == "unknown key":
        lines.append("zzz_no_such_key: {}" if not text.lstrip().startswith("-") else "- zzz_no_such_key: 1")
    elif kind == "open quote":
        lines.append('zzz: "open')
    elif kind == "tab":
        lines[place] = f"\t{line}"
    elif kind == "control character":
        lines[place] = f"{line} \x07"
    elif kind == "two keys" and keys and not line.startswith((" ", "-")):
        lines.append(line)
        lines += [] if line.rstrip().endswith(("]", "}", '"')) or not line.rstrip().endswith(":") else ["  zzz: 1"]
    elif kind == "tag":
        lines[place] = re.sub(r":\s*", ": !zzz ", line, count=1)
    elif kind == "wrong rule" and path.startswith("actions/") and not path.endswith("group.yaml"):
        lines = [one for one in lines if not one.startswith("suitability:")] + ["suitability: customer.zzz > 1"]
    return kind, "\n".join(lines) + "\n"


@pytest.mark.parametrize("count", [50, pytest.param(200, marks=pytest.mark.full)])
def test_broken_revisions_are_refused(storage: Storage, count: int, tell: Callable[[str], None]) -> None:
    before, entries = storage.current_revision(), storage.last_sequence()
    # Every single fault of the list in the long form, half of the short one.
    mutants = islice(broken_projects(), count) if count > len(CASES) else short_of_broken(count)
    outcomes = [(name, _problems(storage, name, files)) for name, files in mutants]
    tell(f"refused {sum(bool(problems) for _, problems in outcomes)} of {count} broken revisions")

    assert [name for name, problems in outcomes if not problems] == []
    assert all(problem.message and problem.code for _, problems in outcomes for problem in problems)
    assert (storage.current_revision(), storage.last_sequence()) == (before, entries)


def short_of_broken(count: int) -> Iterator[Mutant]:
    """Give as many from the list as from chance."""
    everything = list(islice(broken_projects(), len(CASES) + count // 2))
    return iter(everything[: len(CASES) : len(CASES) // (count // 2) or 1][: count // 2] + everything[len(CASES) :])


def _problems(storage: Storage, name: str, files: dict[str, str]) -> list[Problem]:
    try:
        publish(storage, Offer(files, now=NOW), name, "numpy")
    except ProjectError as error:
        return error.problems
    return []


def good_projects() -> Iterator[Mutant]:
    """Give twenty good changes of the starter, each different from the one before."""
    chance = random.Random(7)
    for number in range(20):
        files = starter()
        path = chance.choice(
            [name for name in files if name.startswith("actions/") and not name.endswith("group.yaml")]
        )
        if number % 4 == 0:
            files["goals.yaml"] += f"\n# change {number}\n"
        elif number % 4 == 1:
            files[path] = f"lever: 1.{number:02}\n" + re.sub(r"(?m)^lever:.*\n", "", files[path])
        elif number % 4 == 2:
            files[path] = f"description: changed {number}\n" + re.sub(r"(?m)^description:.*\n", "", files[path])
        else:
            name = f"idea_{number}"
            folder = path.rpartition("/")[0]
            files[f"{folder}/{name}.yaml"] = (
                f"kind: service\ntitle: Idea {number}\ntreatments: {{ app: {{ card: {{}} }} }}\n"
            )
        yield f"good {number}", files


def test_good_revisions_are_taken(storage: Storage) -> None:
    numbers = [publish(storage, Offer(files, now=NOW), name, "numpy").number for name, files in good_projects()]

    assert numbers == list(range(2, 22))


def test_what_is_current_already_changes_nothing(storage: Storage) -> None:
    entries = storage.last_sequence()
    again = publish(storage, Offer(starter(), now=NOW), "again", "numpy")

    assert (again.repeated, again.number) == (True, 1)
    assert storage.last_sequence() == entries


def test_a_failing_persona_test_is_named_with_its_place(storage: Storage) -> None:
    files = starter()
    paths = {name for name in files if name.startswith("tests/")}
    files["actions/plans/plus_plan.yaml"] = "active: false\n" + files["actions/plans/plus_plan.yaml"]

    with pytest.raises(ProjectError) as caught:
        publish(storage, Offer(files, now=NOW), "x", "numpy")

    assert {problem.code for problem in caught.value.problems} == {"test-failed"}
    assert all(problem.file in paths and problem.line for problem in caught.value.problems)


def test_another_project_needs_to_be_meant(storage: Storage) -> None:
    files = starter()
    files["project.yaml"] = re.sub(r"(?m)^name: .*", "name: somebody_elses", files["project.yaml"])

    with pytest.raises(ProjectError, match=r"this store belongs to project '.*', found 'somebody_elses'"):
        publish(storage, Offer(files, now=NOW), "x", "numpy")
    assert publish(storage, Offer(files, now=NOW, another_project=True), "y", "numpy").number == 2


def test_words_have_bounds(storage: Storage) -> None:
    for words in ({"author": "x" * 201}, {"reason": "x" * 2001}):
        with pytest.raises(InputError, match="expected at most"):
            publish(storage, Offer(starter(), now=NOW, **words), "x", "numpy")
