"""The words of the report page, in every language; those of the terminal are the English ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from opportune.evaluate.model_report.parts import Finding, ModelHealth
from opportune.evaluate.speech import Language, Words, spoken

__all__ = ["WORDS", "bound_said", "by_model", "pairs_said", "said"]

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Model report",
        "made": "Strategy {project}, revision {revision}, learned up to journal entry {position}, {at}",
        "look": "Look at this",
        "well": "Nothing passes a threshold.",
        "models": "Models",
        "model": "model",
        "kind": "kind",
        "role": "role",
        "champion": "champion",
        "challenger": "challenger",
        "set aside": "set aside: {why}",
        "outcome": "outcome",
        "answers": "answers",
        "rate": "rate",
        "auc within": "AUC within actions",
        "auc pooled": "AUC pooled",
        "auc": "AUC within the action",
        "log loss": "log loss",
        "constant": "log loss of the rate alone",
        "calibration": "calibration error",
        "by chance": "by chance",
        "nothing": "Nobody has answered yet, so there is nothing to judge.",
        "bound": "In {days:day|days} one person teaches about an action by at most {answers:answer|answers} of “yes”"
        " and four times as many in all, and by fewer where they say yes more often than others would;"
        " all other answers are recorded, not learned.",
        "actions": "Actions",
        "action": "action",
        "maturity": "maturity",
        "new": "new",
        "growing": "growing",
        "mature": "mature",
        "bubble title": "Performance against rate",
        "bubble text": "One bubble per action; its area is the number of answers.",
        "reliability title": "Are propensities true?",
        "reliability text": "Points on the dashed line mean that what is foreseen happens as often as it is foreseen.",
        "propensity": "mean propensity",
        "happened": "share that happened",
        "perfect": "perfectly calibrated",
        "gains title": "Gains",
        "gains text": "What share of all yeses is reached with the answers of highest propensity.",
        "share answers": "share of answers, highest propensity first",
        "share yes": "share of all yeses",
        "lift": "lift of the top tenth",
        "lift title": "Lift",
        "lift text": "How many times more yeses than at random are among the answers of highest propensity.",
        "lift axis": "yeses, times those at random",
        "at random": "in random order",
        "trend title": "Log loss over time",
        "trend text": "Each point is a stretch of answers; lower is better.",
        "so far": "answers so far",
        "predictors": "Predictors",
        "predictors text": "Movement is how much a predictor moves the log odds of what was shown, on average."
        " The gain is the log loss per answer that its absence would have cost, as far as it is looked at alone.",
        "predictor": "predictor",
        "selection": "used or left out",
        "used": "used",
        "says-little": "used less: says next to nothing by itself so far",
        "one-value": "of no use: always the same value",
        "never-seen": "of no use: never has a value",
        "hidden": "left out: hidden from this model",
        "barred": "left out: barred from all models",
        "share": "share of all movement",
        "movement": "mean movement",
        "information": "information value",
        "auc alone": "AUC alone",
        "gain": "gain",
        "trust": "trust",
        "missing": "missing",
        "seen": "seen in answers to all outcomes",
        "groups": "bins or levels",
        "like": "says much the same as",
        "interactions": "Interactions",
        "interactions text": "{examined} of {possible:pair|pairs} of predictors {examined:~was|were} looked at;"
        " {found} say more together than alone.",
        "no interactions": "This model does not look for pairs of predictors that say more together.",
        "with": "with",
        "weights": "weights",
        "for each action": "each action has its own",
        "for all actions": "all actions alike",
        "score": "score beyond chance",
        "inputs": "Inputs now and before",
        "inputs text": "{now:decision|decisions} of now against {before} of before.",
        "missing before": "missing before",
        "missing now": "missing now",
        "inputs of all": "Inputs, for all models",
        "never seen": "never seen before",
        "drift": "drift (PSI)",
        "before": "before",
        "now": "now",
        "group": "value",
        "show": "distribution of {predictor}",
    },
    "pl": {
        "title": "Raport o modelach",
        "made": "Strategia {project}, rewizja {revision}, nauczone do wpisu {position} dziennika, {at}",
        "look": "Warto sprawdzić",
        "well": "Nic nie przekracza progu.",
        "models": "Modele",
        "model": "model",
        "kind": "rodzaj",
        "role": "rola",
        "champion": "mistrz",
        "challenger": "pretendent",
        "set aside": "odstawiony: {why}",
        "outcome": "wynik",
        "answers": "odpowiedzi",
        "rate": "odsetek",
        "auc within": "AUC wewnątrz akcji",
        "auc pooled": "AUC łącznie",
        "auc": "AUC wewnątrz akcji",
        "log loss": "strata logarytmiczna",
        "constant": "strata samego odsetka",
        "calibration": "błąd kalibracji",
        "by chance": "z przypadku",
        "nothing": "Nikt jeszcze nie odpowiedział, więc nie ma czego oceniać.",
        "bound": "W ciągu {days:dnia|dni|dni} jedna osoba uczy o akcji najwyżej"
        " {answers:odpowiedzią|odpowiedziami|odpowiedziami} „tak” i łącznie cztery razy tyloma, a mniejszą"
        " ich liczbą, gdy mówi „tak” częściej, niż mówiliby inni; inne odpowiedzi są zapisane, lecz nie uczą.",
        "actions": "Akcje",
        "action": "akcja",
        "maturity": "dojrzałość",
        "new": "nowa",
        "growing": "rośnie",
        "mature": "dojrzała",
        "bubble title": "Jakość a odsetek",
        "bubble text": "Jedno koło to jedna akcja; jego pole to liczba odpowiedzi.",
        "reliability title": "Czy skłonności są prawdziwe?",
        "reliability text": "Punkty na przerywanej linii znaczą, że zdarza się tak często, jak przewidziano.",
        "propensity": "średnia skłonność",
        "happened": "odsetek, który się zdarzył",
        "perfect": "doskonała kalibracja",
        "gains title": "Zysk",
        "gains text": "Jaką część wszystkich odpowiedzi „tak” dają te o najwyższej skłonności.",
        "share answers": "część odpowiedzi, od najwyższej skłonności",
        "share yes": "część wszystkich „tak”",
        "lift": "zysk najlepszej dziesiątej części",
        "lift title": "Przewaga nad losem",
        "lift text": "Ile razy więcej „tak” niż losowo jest wśród odpowiedzi o najwyższej skłonności.",
        "lift axis": "„tak”, wielokrotność losowych",
        "at random": "w kolejności losowej",
        "trend title": "Strata logarytmiczna w czasie",
        "trend text": "Każdy punkt to odcinek odpowiedzi; niżej znaczy lepiej.",
        "so far": "odpowiedzi do tej pory",
        "predictors": "Predyktory",
        "predictors text": "Ruch mówi, jak mocno predyktor porusza logarytm szansy tego, co pokazano, średnio."
        " Wkład to strata logarytmiczna na odpowiedź, którą kosztowałby jego brak, o ile patrzy się na niego samego.",
        "predictor": "predyktor",
        "selection": "używany czy pominięty",
        "used": "używany",
        "says-little": "używany mniej: sam na razie prawie nic nie mówi",
        "one-value": "bezużyteczny: zawsze ta sama wartość",
        "never-seen": "bezużyteczny: nigdy nie ma wartości",
        "hidden": "pominięty: ukryty przed tym modelem",
        "barred": "pominięty: zakazany dla wszystkich modeli",
        "share": "część całego ruchu",
        "movement": "średni ruch",
        "information": "wartość informacyjna",
        "auc alone": "AUC samego predyktora",
        "gain": "wkład",
        "trust": "zaufanie",
        "missing": "brak",
        "seen": "obecny w odpowiedziach o wszystkich wynikach",
        "groups": "przedziały lub poziomy",
        "like": "mówi prawie to samo co",
        "interactions": "Interakcje",
        "interactions text": "Obejrzano {examined:parę|pary|par} predyktorów z {possible}; razem więcej niż osobno"
        " mówi {found}.",
        "no interactions": "Ten model nie szuka par predyktorów, które razem mówią więcej.",
        "with": "z",
        "weights": "wagi",
        "for each action": "własne każdej akcji",
        "for all actions": "wspólne wszystkim akcjom",
        "score": "wynik ponad przypadek",
        "inputs": "Dane wejściowe teraz i wcześniej",
        "inputs text": "{now:nowa decyzja|nowe decyzje|nowych decyzji} wobec"
        " {before:wcześniejszej|wcześniejszych|wcześniejszych}.",
        "missing before": "brak wcześniej",
        "missing now": "brak teraz",
        "inputs of all": "Dane wejściowe, dla wszystkich modeli",
        "never seen": "niewidziane wcześniej",
        "drift": "dryf (PSI)",
        "before": "wcześniej",
        "now": "teraz",
        "group": "wartość",
        "show": "rozkład: {predictor}",
    },
}
WORDS = spoken(_TEXTS)

_FOUND: dict[Language, dict[str, str]] = {
    "en": {
        "set-aside": "Challenger {model} was set aside and learns nothing until the next revision.",
        "worse-than-constant": "{model} foresees {outcome} of {subject} worse than its plain rate does, by {value:.4f}"
        " nats per answer: look at what it is shown for, or at its predictors.",
        "calibration": "{model} is off its word for {outcome} by {value:.3f} more than chance explains (threshold"
        " {threshold:g}): see the reliability diagram.",
        "no-discrimination": "{model} cannot tell customers apart for {outcome}: AUC within actions is {value:.3f}"
        " (threshold {threshold:g}); better predictors would help more than other models.",
        "too-good": "{model} foresees {outcome} suspiciously well: AUC within actions is {value:.3f} (threshold"
        " {threshold:g}); does a predictor know the answer already?",
        "knows-answer": "{subject} alone foresees {outcome} suspiciously well: AUC {value:.3f} (threshold"
        " {threshold:g}); is it known only after the answer?",
        "drift": "{subject} has other values than before: stability index {value:.2f} (threshold {threshold:g}).",
        "missing": "{subject} is missing more often than before, by {value:.0%} of decisions (threshold"
        " {threshold:.0%}): has a source broken?",
        "never-seen": "{value:.0%} of the values of {subject} were not there before (threshold {threshold:.0%}).",
    },
    "pl": {
        "set-aside": "Pretendent {model} został odstawiony i nie uczy się do następnej rewizji.",
        "worse-than-constant": "{model} przewiduje {outcome} akcji {subject} gorzej niż sam jej odsetek, o {value:.4f}"
        " nata na odpowiedź: warto sprawdzić, komu jest pokazywana, albo jej predyktory.",
        "calibration": "{model} myli się co do {outcome} o {value:.3f} bardziej, niż tłumaczy przypadek (próg"
        " {threshold:g}): patrz wykres wiarygodności.",
        "no-discrimination": "{model} nie odróżnia klientów dla {outcome}: AUC wewnątrz akcji {value:.3f} (próg"
        " {threshold:g}); lepsze predyktory pomogą bardziej niż inne modele.",
        "too-good": "{model} przewiduje {outcome} podejrzanie dobrze: AUC wewnątrz akcji {value:.3f} (próg"
        " {threshold:g}); czy któryś predyktor zna już odpowiedź?",
        "knows-answer": "{subject} samo przewiduje {outcome} podejrzanie dobrze: AUC {value:.3f} (próg {threshold:g});"
        " czy jest znane dopiero po odpowiedzi?",
        "drift": "{subject} ma inne wartości niż wcześniej: wskaźnik stabilności {value:.2f} (próg {threshold:g}).",
        "missing": "{subject} brakuje częściej niż wcześniej, o {value:.0%} decyzji (próg {threshold:.0%}): czy zepsuło"
        " się źródło?",
        "never-seen": "{value:.0%} wartości {subject} nie było wcześniej (próg {threshold:.0%}).",
    },
}
_FINDINGS = spoken(_FOUND)


def by_model(found: Sequence[Finding], language: Language) -> list[tuple[str, list[Finding]]]:
    """Put findings under headings: the name of each model, and one for inputs, which are those of all."""
    return [
        (name or WORDS[language]["inputs of all"], list(own)) for name, own in groupby(found, lambda one: one.model)
    ]


def bound_said(answers: int, days: int, words: Words) -> str:
    """Say in one sentence how much one person teaches, which is why fewer answers are learned than were given."""
    return words.say("bound", answers=answers, days=days)


def pairs_said(model: ModelHealth, words: Words) -> str:
    """Say in one sentence how many pairs of predictors were looked at and found."""
    if model.pairs_possible is None:
        return words["no interactions"]
    found = len({(one.first, one.second) for one in model.interactions})
    return words.say("interactions text", examined=model.pairs_examined, possible=model.pairs_possible, found=found)


def said(finding: Finding, language: Language) -> str:
    """Say a finding in one sentence."""
    return _FINDINGS[language].say(
        finding.code,
        model=finding.model,
        outcome=finding.outcome,
        subject=finding.subject,
        value=finding.value,
        threshold=finding.threshold,
    )
