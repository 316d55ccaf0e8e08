"""The words of the data report, in every language; those of the terminal are the English ones."""

from __future__ import annotations

from opportune.evaluate.data_report.parts import Concern, DataReport
from opportune.evaluate.speech import Language, spoken

__all__ = ["WORDS", "counted_said", "said"]

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Data report",
        "made": "Strategy {project}, revision {revision}, {at}",
        "look": "Look at this",
        "well": "Nothing passes a threshold.",
        "inputs": "Inputs of decisions",
        "input": "input",
        "type": "type",
        "decisions": "decisions",
        "missing": "missing",
        "stale": "stale",
        "late": "late",
        "unfit": "unfit",
        "refused": "refused",
        "unseen": "never seen before",
        "drift": "drift",
        "by processes": "Counted by {processes:running process|running processes} since {since}:"
        " {decisions:decision|decisions}, {known} of"
        " them for persons who are known.",
        "by journal": "Counted over the newest decisions of the journal, {decisions} since {since}, {known} of them for"
        " persons who are known.",
        "uncounted": "No decision was counted yet.",
        "compared": "Drift and values never seen before: {now:newest decision|newest decisions} against {before}"
        " before them.",
        "faults title": "What decisions lacked",
        "faults text": "Share of decisions, by input: missing, stale, late or unfit; the worst inputs.",
        "drift title": "Drift",
        "drift text": "Population stability index by input; the greatest. By custom, above 0.25 the population is"
        " another one.",
        "show": "Values of {input}, before and now",
        "group": "group",
        "before": "before",
        "now": "now",
        "said missing": "{input} is missing in {value} of decisions (threshold {threshold}).",
        "said stale": "{input} is too old in {value} of decisions (threshold {threshold}).",
        "said late": "{input} could not be had in time in {value} of decisions (threshold {threshold}).",
        "said unfit": "{value} of the values of {input} are not what the project takes (threshold {threshold}).",
        "said unseen": "{value} of the values of {input} were not there before (threshold {threshold}).",
        "said drift": "{input} has other values than before: stability index {value} (threshold {threshold}).",
    },
    "pl": {
        "title": "Raport o danych",
        "made": "Strategia {project}, rewizja {revision}, {at}",
        "look": "Warto sprawdzić",
        "well": "Żaden próg nie jest przekroczony.",
        "inputs": "Dane wejściowe decyzji",
        "input": "dana",
        "type": "typ",
        "decisions": "decyzje",
        "missing": "brak",
        "stale": "nieaktualne",
        "late": "spóźnione",
        "unfit": "niezgodne",
        "refused": "odrzucone",
        "unseen": "niewidziane wcześniej",
        "drift": "dryf",
        "by processes": "Policzone przez {processes:działający proces|działające procesy|działających procesów} od"
        " {since}:"
        " {decisions:decyzja|decyzje|decyzji}, w tym {known} dla znanych osób.",
        "by journal": "Policzone w najnowszych decyzjach dziennika: {decisions} od {since}, w tym {known} dla znanych"
        " osób.",
        "uncounted": "Nie policzono jeszcze żadnej decyzji.",
        "compared": "Dryf i wartości niewidziane wcześniej: {now:najnowsza decyzja|najnowsze decyzje|najnowszych"
        " decyzji}"
        " wobec {before:wcześniejszej|wcześniejszych|wcześniejszych}.",
        "faults title": "Czego brakowało decyzjom",
        "faults text": "Udział decyzji według danej: brak, nieaktualne, spóźnione lub niezgodne; najgorsze dane.",
        "drift title": "Dryf",
        "drift text": "Wskaźnik stabilności populacji według danej; największe. Zwyczajowo powyżej 0,25 populacja jest"
        " inna.",
        "show": "Wartości {input}, wcześniej i teraz",
        "group": "grupa",
        "before": "wcześniej",
        "now": "teraz",
        "said missing": "{input}: brak w {value} decyzji (próg {threshold}).",
        "said stale": "{input}: wartość zbyt stara w {value} decyzji (próg {threshold}).",
        "said late": "{input}: nie udało się pozyskać na czas w {value} decyzji (próg {threshold}).",
        "said unfit": "{input}: {value} wartości nie jest takie, jak przyjmuje projekt (próg {threshold}).",
        "said unseen": "{input}: {value} wartości nie było wcześniej (próg {threshold}).",
        "said drift": "{input} ma inne wartości niż wcześniej: wskaźnik stabilności {value} (próg {threshold}).",
    },
}
WORDS = spoken(_TEXTS)


def said(concern: Concern, language: Language) -> str:
    """Say a concern in one sentence."""
    words = WORDS[language]
    if concern.kind == "drift":
        value, threshold = words.figure(concern.value, ".2f"), words.figure(concern.threshold, "g")
    else:
        value, threshold = words.figure(concern.value, ".1%"), f"{words.figure(100 * concern.threshold, 'g')}%"
    return words.say(f"said {concern.kind}", input=concern.input, value=value, threshold=threshold)


def counted_said(report: DataReport, language: Language) -> str:
    """Say what the figures were counted by, and since when."""
    words = WORDS[language]
    if report.since is None:
        return words["uncounted"]
    return words.say(
        "by processes" if report.processes else "by journal",
        processes=report.processes,
        since=report.since.strftime("%Y-%m-%d %H:%M UTC"),
        decisions=report.decisions,
        known=report.known,
    )
