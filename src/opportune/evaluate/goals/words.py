"""The words of the page, in every language."""

from __future__ import annotations

from opportune.evaluate.speech import Language, spoken

__all__ = ["WORDS"]

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "What more of a goal costs",
        "made": "{goal}: {source} of {persons:person|persons}, decided again under {weights:weight|weights} by {model}"
        " as it is now (journal entry {position})",
        "decisions": "{contacts:recorded decision|recorded decisions}",
        "profiles": "{contacts:contact|contacts} of customers of the store",
        "file": "{contacts:contact|contacts} of customers of a file",
        "imagined": "{contacts:contact|contacts} of imagined customers",
        "left out": "{number:contact or row|contacts or rows} cannot be decided and {number:~is|are} left out.",
        "exchange more": "One more of {goal} ({unit}) means, around the weight as it is:",
        "exchange less": "One less of {goal} ({unit}) means, around the weight as it is:",
        "each": "{goal}: {value:+.4g} {unit} ({low:+.4g} to {high:+.4g}), between {less:g} and {more:g} times the"
        " weight",
        "each of few": "{goal}: {value:+.4g} {unit}, between {less:g} and {more:g} times the weight; {own} changes"
        " for too few to tell a range",
        "no exchange": "{goal}: cannot be told, since {own} stays as it is",
        "picture": "{other} against {own}",
        "picture text": "{own} from left to right, {other} from bottom to top; a point for each weight, from {low:g} to"
        " {high:g} times the weight as it is, to which the dashed line leads.",
        "weights": "weights tried",
        "now": "as it is",
        "curve": "Amounts by weight",
        "factor": "factor",
        "weight": "weight",
        "changed": "contacts changed",
        "goal": "goal",
        "unit": "unit",
        "interval": "95% interval",
        "told by": "told by",
        "sources": "Who tells what",
        "remarks": "remarks",
        "model": "the model's expectation, per contact",
        "untaught": "a model that has learned nothing, per contact",
        "answers": "recorded answers, doubly robust, per first place",
        "steps": "What one unit costs from weight to weight",
        "from": "from factor",
        "to": "to factor",
        "change": "change per unit",
    },
    "pl": {
        "title": "Ile kosztuje poprawa celu",
        "made": "{goal}: {source} ({persons:osoba|osoby|osób}); rozstrzygnięto je na nowo przy"
        " {weights:wadze|wagach|wagach} przez model {model} w obecnym stanie (wpis dziennika {position})",
        "decisions": "{contacts:zapisana decyzja|zapisane decyzje|zapisanych decyzji}",
        "profiles": "{contacts:kontakt|kontakty|kontaktów} klientów z magazynu",
        "file": "{contacts:kontakt|kontakty|kontaktów} klientów z pliku",
        "imagined": "{contacts:kontakt|kontakty|kontaktów} wymyślonych klientów",
        "left out": "Kontakty lub wiersze, których nie da się rozstrzygnąć, pominięto: {number}.",
        "exchange more": "Jedna jednostka celu {goal} ({unit}) więcej oznacza w pobliżu obecnej wagi:",
        "exchange less": "Jedna jednostka celu {goal} ({unit}) mniej oznacza w pobliżu obecnej wagi:",
        "each": "{goal}: {value:+.4g} {unit} (od {low:+.4g} do {high:+.4g}), przy wadze od {less:g}× do {more:g}×"
        " obecnej",
        "each of few": "{goal}: {value:+.4g} {unit}, przy wadze od {less:g}× do {more:g}× obecnej; {own} zmienia się"
        " u zbyt niewielu, by podać przedział",
        "no exchange": "{goal}: nie da się powiedzieć, bo {own} się nie zmienia",
        "picture": "{other} wobec {own}",
        "picture text": "{own} od lewej do prawej, {other} z dołu do góry; punkt dla każdej wagi, od {low:g}× do"
        " {high:g}× obecnej, do której prowadzi linia przerywana.",
        "weights": "sprawdzone wagi",
        "now": "jak jest",
        "curve": "Wielkości według wagi",
        "factor": "mnożnik",
        "weight": "waga",
        "changed": "zmienione kontakty",
        "goal": "cel",
        "unit": "jednostka",
        "interval": "przedział 95%",
        "told by": "na podstawie",
        "sources": "Skąd pochodzą liczby",
        "remarks": "uwagi",
        "model": "oczekiwania modelu, na kontakt",
        "untaught": "model, który niczego się nie nauczył, na kontakt",
        "answers": "zapisane odpowiedzi, oszacowanie podwójnie odporne, na pierwsze miejsce",
        "steps": "Ile kosztuje jedna jednostka od wagi do wagi",
        "from": "od mnożnika",
        "to": "do mnożnika",
        "change": "zmiana na jednostkę",
    },
}
WORDS = spoken(_TEXTS)
