"""A made-up firm as a project folder, with requests of 1 KB against it."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.rule_texts import cel
from benchmarks.world import World

__all__ = ["profile_of", "request_template", "write_project"]

IN_CONTEXT = 27
"""Attributes with this number and higher come with the request instead of the profile; no rule looks at them."""
ID_MARK = "ID" * 8

_FILES = {
    "project.yaml": """\
name: bench
title: A firm made up for benchmarks
time_zone: UTC
languages: [en]
exploration: {method: thompson, scale: 0.2, floor: 0.02}
deadline_ms: 1000
learning: {person_answers: 0}
""",
    "outcomes.yaml": "accept: {sign: positive, title: Accepted}\nreject: {sign: negative, title: Refused}\n",
    "channels.yaml": """\
web:
  title: Web
  outcomes: [accept, reject]
  placements:
    main: {size: 3, fallback: []}
""",
    "goals.yaml": "profit: {unit: EUR, currency: EUR, weight: 1.0, normal: 10, title: Profit}\n",
}


def write_project(world: World, folder: Path) -> None:
    """Write the world as a strategy: one file per action, as people keep them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _FILES.items():
        (folder / name).write_text(text)
    (folder / "attributes.yaml").write_text(_attributes(world, in_context=False))
    (folder / "context.yaml").write_text(_attributes(world, in_context=True))
    layers = ("eligibility", "applicability", "suitability")
    for i, (key, rule) in enumerate(zip(world.keys, world.rules, strict=True)):
        group = folder / "actions" / key.group
        if not group.exists():
            group.mkdir(parents=True)
            (group / "group.yaml").write_text(f"title: Group {key.group}\n")
        (group / f"{key.action}.yaml").write_text(
            f"kind: offer\n"
            f"title: Offer {key.action}\n"
            f"lever: {float(world.levers[i]):.2f}\n"
            f"{layers[i % 3]}: {json.dumps(cel(rule))}\n"
            f"values: {{profit: {{shown: {world.costs[i]}, accept: {world.values[i]}}}}}\n"
            "treatments:\n"
            "  web:\n"
            "    card:\n"
            f"      content: {{en: {{title: 'Offer {key.action}', text: 'Words for the customer about the offer'}}}}\n"
        )


def _attributes(world: World, in_context: bool) -> str:
    lines = []
    for predictor in world.predictors:
        if _is_in_context(predictor.name) != in_context:
            continue
        levels = world.levels.get(predictor.name)
        kind = f"text, values: [{', '.join(levels)}]" if levels else "number"
        lines.append(f"{_short(predictor.name)}: {{type: {kind}, title: {_short(predictor.name)}}}\n")
    return "".join(lines)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _is_in_context(name: str) -> bool:
    return int(name[-2:]) >= IN_CONTEXT


def profile_of(world: World, customer: int) -> dict[str, float | str]:
    """Give the attributes that the service stores."""
    profile = world.profiles[customer]
    return {_short(name): value for name, value in profile.items() if not _is_in_context(name)}


def request_template(world: World, customer: int) -> bytes:
    """Give the body of a decision request with ID_MARK where its id belongs, twice: a contact is its own session."""
    context = {_short(name): value for name, value in world.profiles[customer].items() if _is_in_context(name)}
    body = {
        "id": ID_MARK,
        "customer": f"c{customer:05d}",
        "session": ID_MARK,
        "channel": "web",
        "placements": [{"name": "main", "size": 3}],
        "context": context,
        "language": "en",
    }
    return json.dumps(body, separators=(",", ":")).encode()
