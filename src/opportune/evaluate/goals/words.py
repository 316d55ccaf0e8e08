"""The words of the page, in every language."""

from __future__ import annotations

from opportune.evaluate.foresight.sentences import Language

__all__ = ["WORDS"]

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "What more of a goal costs",
        "made": "{goal}: {contacts} {source} of {persons} persons, decided again under {weights} weights by {model} as"
        " it is now (journal entry {position})",
        "decisions": "recorded decisions",
        "profiles": "contacts of customers of the store",
        "file": "contacts of customers of a file",
        "imagined": "contacts of imagined customers",
        "left out": "{number} contacts or rows cannot be decided and are left out.",
        "exchange more": "One more of {goal} ({unit}) means, around the weight as it is:",
        "exchange less": "One less of {goal} ({unit}) means, around the weight as it is:",
        "each": "{goal}: {value} {unit} ({low} to {high}), between {less} and {more} times the weight",
        "no exchange": "{goal}: cannot be told, since {own} stays as it is",
        "picture": "{other} against {own}",
        "picture text": "{own} from left to right, {other} from bottom to top; a point for each weight, from {low} to"
        " {high} times the weight as it is, to which the dashed line leads.",
        "weights": "weights tried",
        "now": "as it is",
        "curve": "Amounts by weight",
        "factor": "factor",
        "weight": "weight",
        "changed": "contacts changed",
        "goal": "goal",
        "unit": "unit",
        "interval": "95 % interval",
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
        "title": "Ile kosztuje więcej jednego celu",
        "made": "{goal}: kontaktów {contacts} ({source}), osób {persons}, rozstrzygnięto na nowo przy {weights} wagach;"
        " model {model} w obecnym stanie (wpis dziennika {position})",
        "decisions": "zapisane decyzje",
        "profiles": "kontakty klientów z magazynu",
        "file": "kontakty klientów z pliku",
        "imagined": "kontakty wymyślonych klientów",
        "left out": "Kontakty lub wiersze, których nie da się rozstrzygnąć, pominięto: {number}.",
        "exchange more": "O jeden więcej celu {goal} ({unit}) oznacza, w pobliżu obecnej wagi:",
        "exchange less": "O jeden mniej celu {goal} ({unit}) oznacza, w pobliżu obecnej wagi:",
        "each": "{goal}: {value} {unit} (od {low} do {high}), między {less} a {more} razy obecna waga",
        "no exchange": "{goal}: nie da się powiedzieć, bo {own} się nie zmienia",
        "picture": "{other} wobec {own}",
        "picture text": "{own} od lewej do prawej, {other} z dołu do góry; punkt dla każdej wagi, od {low} do {high}"
        " razy obecna waga, do której prowadzi linia przerywana.",
        "weights": "sprawdzone wagi",
        "now": "jak jest",
        "curve": "Wielkości według wagi",
        "factor": "mnożnik",
        "weight": "waga",
        "changed": "zmienione kontakty",
        "goal": "cel",
        "unit": "jednostka",
        "interval": "przedział 95 %",
        "told by": "na podstawie",
        "sources": "Skąd pochodzą liczby",
        "remarks": "uwagi",
        "model": "oczekiwania modelu, na kontakt",
        "untaught": "model, który niczego się nie nauczył, na kontakt",
        "answers": "zapisane odpowiedzi, podwójnie odporne, na pierwsze miejsce",
        "steps": "Ile kosztuje jedna jednostka od wagi do wagi",
        "from": "od mnożnika",
        "to": "do mnożnika",
        "change": "zmiana na jednostkę",
    },
}
