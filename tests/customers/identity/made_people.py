"""A made population with known duplicates.

Households of one to five share last name, postcode and, in half of them, a phone. Names are of syllables, drawn with
the skew of real ones (the n-th with weight 1/n): 800 first names, 20,000 last names, 8,000 postcodes. 30 % have no
e-mail, 20 % no phone of their own, 5 % no date of birth. A duplicate is a second record of a person: each name has a
slip of one letter in 12 %, is written without accents in 30 %, first and last name change places in 3 %; the date has
one wrong part in 5 % and is missing in 10 %; the postcode is another in 15 %; the e-mail is another in 30 % and missing
in 20 %; the phone is another in 25 % and missing in 20 %.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import accumulate

from opportune.customers.identity.duplicates import Compared, Person

__all__ = ["COMPARED", "Made"]

COMPARED = (
    Compared("first_name", "name"),
    Compared("last_name", "name"),
    Compared("born", "date"),
    Compared("postcode", "text"),
    Compared("mail", "email"),
    Compared("mobile", "phone", "PL"),
)
_SYLLABLES = (
    "ba be bo cza da do fi ga go ha ja ka ki ko la le ło ma mi na ni no pa pe ra ro sa ską so śli ta to wa wi za że"
)


class Made:
    """Persons with records; the truth is in the ids: what stands before the last point is the person.

    Args:
        size: records in all; `share` of them are second ones.
    """

    def __init__(self, size: int, share: float = 0.08, seed: int = 1) -> None:
        self._draw = random.Random(seed)
        self._doubles = int(size * share)
        self._singles = size - self._doubles
        syllables = _SYLLABLES.split()
        self._firsts = self._words(syllables, 800, 2, 3)
        self._lasts = self._words(syllables, 20_000, 2, 4)
        self._codes = [f"{number // 1000:02}-{number % 1000:03}" for number in self._draw.sample(range(100_000), 8_000)]
        self._weights = {len(items): list(accumulate(1 / rank for rank in range(1, len(items) + 1)))
                         for items in (self._firsts, self._lasts, self._codes)}  # fmt: skip

    @property
    def truth(self) -> int:
        """How many pairs of records are of one person."""
        return self._doubles

    def people(self) -> Iterator[Person]:
        """Give all records, those of one person far apart."""
        singles: list[dict[str, str]] = []
        while len(singles) < self._singles:
            singles += self._household()
        del singles[self._singles :]
        chosen = set(self._draw.sample(range(self._singles), self._doubles))
        for number, attributes in enumerate(singles):
            yield Person(f"{number}.0", attributes)
        for number in sorted(chosen):
            yield Person(f"{number}.1", self._again(singles[number]))

    def _words(self, syllables: list[str], count: int, least: int, most: int) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < count:
            word = "".join(self._draw.choices(syllables, k=self._draw.randint(least, most)))
            found[word.capitalize()] = None
        return list(found)

    def _one(self, items: list[str]) -> str:
        return self._draw.choices(items, cum_weights=self._weights[len(items)])[0]

    def _phone(self) -> str:
        return f"5{self._draw.randrange(10**8):08}"

    def _household(self) -> Iterator[dict[str, str]]:
        draw = self._draw
        last, code = self._one(self._lasts), self._one(self._codes)
        phone = self._phone() if draw.random() < 0.5 else None
        for _ in range(draw.choice((1, 1, 2, 2, 3, 4, 5))):
            born = date(1935, 1, 1) + timedelta(days=draw.randrange(27_000))
            attributes = {"first_name": self._one(self._firsts), "last_name": last, "postcode": code}
            if draw.random() > 0.05:
                attributes["born"] = born.isoformat()
            if draw.random() > 0.3:
                attributes["mail"] = f"{attributes['first_name'].lower()}.{draw.randrange(10**7)}@example.com"
            if draw.random() > 0.2:
                attributes["mobile"] = self._phone()
            elif phone is not None:
                attributes["mobile"] = phone
            yield attributes

    def _again(self, attributes: dict[str, str]) -> dict[str, str]:
        draw, again = self._draw, dict(attributes)
        for name in ("first_name", "last_name"):
            if draw.random() < 0.12:
                again[name] = self._slip(again[name])
            if draw.random() < 0.3:
                again[name] = again[name].translate(str.maketrans("ąśłż", "aslz"))
        if draw.random() < 0.03:
            again["first_name"], again["last_name"] = again["last_name"], again["first_name"]
        if "born" in again and draw.random() < 0.05:
            year, month, day = again["born"].split("-")
            again["born"] = draw.choice((f"{int(year) + 1}-{month}-{day}", f"{year}-{month}-{1 + int(day) % 28:02}"))
        if draw.random() < 0.15:
            again["postcode"] = self._one(self._codes)
        for name, other, missing in (("mail", 0.3, 0.2), ("mobile", 0.25, 0.2), ("born", 0.0, 0.1)):
            chance = draw.random()
            if chance < missing:
                again.pop(name, None)
            elif chance < missing + other and name in again:
                again[name] = self._phone() if name == "mobile" else f"other.{draw.randrange(10**7)}@example.org"
        return again

    def _slip(self, word: str) -> str:
        place = self._draw.randrange(1, len(word))
        letter = self._draw.choice("aeiorstnk")
        return self._draw.choice(
            (
                word[:place] + letter + word[place:],
                word[:place] + word[place + 1 :],
                word[:place] + letter + word[place + 1 :],
            )
        )
