"""Revisions of the corner shop that differ in everything that a model is made of."""

from __future__ import annotations

from functools import cache

from opportune.service.revisions import Strategy, strategy_from_files

from .shop import files

__all__ = ["VARIANTS", "variant"]

WATER = "actions/drinks/water.yaml"


def _texts() -> dict[str, dict[str, str]]:
    base = files()
    renamed = {path: text for path, text in base.items() if path != WATER}
    renamed["channels.yaml"] = base["channels.yaml"].replace("water", "sparkling")
    renamed["actions/drinks/sparkling.yaml"] = f"renamed_from: water\n{base[WATER]}"
    once_more = {path: text for path, text in renamed.items() if "sparkling" not in path}
    once_more["channels.yaml"] = base["channels.yaml"].replace("water", "fizzy")
    once_more["actions/drinks/fizzy.yaml"] = f"renamed_from: [sparkling, water]\n{base[WATER]}"
    moved = {path: text for path, text in base.items() if path != WATER} | {"actions/help/water.yaml": base[WATER]}
    group = {path.replace("/drinks/", "/beverages/"): text for path, text in base.items()}
    group["actions/beverages/group.yaml"] = "renamed_from: drinks\n"
    treatment = base | {
        WATER: base[WATER].replace("card:", "tile:").replace("{content:", "{renamed_from: card, content:")
    }

    def models(text: str, champion: str) -> dict[str, str]:
        return base | {"models.yaml": text, "project.yaml": f"{base['project.yaml']}\nchampion: {champion}\n"}

    return {
        "base": base,
        "challenger": models("main: {}\nsimple: {kind: bayes, hides: [customer.age]}\n", "main"),
        "other champion": models("main: {}\nsimple: {kind: bayes, hides: [customer.age]}\n", "simple"),
        "model renamed": models(
            "main: {}\nplain: {kind: bayes, renamed_from: simple, hides: [customer.age]}\n", "main"
        ),
        "other kind": models("main: {kind: naive_bayes}\nsimple: {kind: bayes}\n", "main"),
        "lever": base | {WATER: f"lever: 2\n{base[WATER]}"},
        "renamed": renamed,
        "renamed again": once_more,
        "moved": moved,
        "group renamed": group,
        "treatment renamed": treatment,
        "without wine": {path: text for path, text in base.items() if "wine" not in path},
        "fewer predictors": base | {"attributes.yaml": base["attributes.yaml"].replace("city:", "town:")},
        "more predictors": base | {"context.yaml": base["context.yaml"] + "queue: {type: integer, range: [0, 50]}\n"},
        "more outcomes": base
        | {
            "outcomes.yaml": base["outcomes.yaml"] + "buy: {sign: positive}\n",
            "channels.yaml": base["channels.yaml"].replace("accept, reject", "accept, reject, buy"),
            WATER: base[WATER].replace("{accept: 1}", "{accept: 1, buy: 9}"),
        },
    }


VARIANTS = tuple(_texts())
"""Names of the variants; "base" is the project as it is."""


@cache
def variant(name: str) -> Strategy:
    """Compile a variant once."""
    return strategy_from_files(_texts()[name])[0]
