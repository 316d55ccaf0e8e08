"""The words of the page of what is kept about a person, in every language."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LANGUAGES", "Words", "plain"]

LANGUAGES = ("en", "pl")

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("What we keep about you", "Co o Tobie przechowujemy"),
    "made": ("As of {}.", "Stan z {}."),
    "identifiers": ("How we know you", "Po czym Cię poznajemy"),
    "profile": ("What we know of you", "Co o Tobie wiemy"),
    "features": ("What we compute from that", "Co z tego wyliczamy"),
    "consents": ("What you allow", "Na co pozwalasz"),
    "memberships": ("Whom you belong to", "Do czego należysz"),
    "decisions": ("What was decided for you, and why", "Co dla Ciebie wybrano i dlaczego"),
    "outcomes": ("What came of it", "Co z tego wynikło"),
    "events": ("What happened", "Co się wydarzyło"),
    "changes": ("What changed in what we know", "Co zmieniło się w tym, co wiemy"),
    "taught": ("What our models learned from", "Na czym uczyły się nasze modele"),
    "nothing": ("Nothing.", "Nic."),
    "name": ("Name", "Nazwa"),
    "value": ("Value", "Wartość"),
    "at": ("When", "Kiedy"),
    "purpose": ("Purpose", "Cel"),
    "channel": ("Channel", "Kanał"),
    "allowed": ("Allowed", "Dozwolone"),
    "source": ("How it was said", "Jak to powiedziano"),
    "text": ("Text", "Treść"),
    "kind": ("What", "Co"),
    "said": ("Details", "Szczegóły"),
    "shown": ("Shown", "Pokazano"),
    "known": ("What was known", "Co było wiadome"),
    "reasons": ("Reasons", "Powody"),
    "reason": ("Reason", "Powód"),
    "action": ("Offer or action", "Oferta lub działanie"),
    "outcome": ("Answer", "Odpowiedź"),
    "inputs": ("Inputs", "Dane wejściowe"),
    "yes": ("yes", "tak"),
    "no": ("no", "nie"),
    "missing": ("not known", "brak danych"),
    "unit": ("Group", "Grupa"),
    "everywhere": ("everywhere", "wszędzie"),
    "customer": ("Customer number", "Numer klienta"),
    "now": ("Moment", "Chwila"),
    "zone": ("Time zone", "Strefa czasowa"),
    "session.turn": ("Turn of the conversation", "Która wypowiedź w rozmowie"),
    "session.minutes": ("Minutes since the conversation began", "Minuty od początku rozmowy"),
    "session.shown": ("Shown in this conversation", "Pokazano w tej rozmowie"),
    "session.accepted": ("Accepted in this conversation", "Przyjęto w tej rozmowie"),
    "session.rejected": ("Rejected in this conversation", "Odrzucono w tej rozmowie"),
    "session.start": ("Begin of the conversation", "Początek rozmowy"),
    "event session.said": ("noted in a conversation", "zapisano w rozmowie"),
    "removed": ("removed", "usunięto"),
    "silence": ("no answer came in time", "nie było odpowiedzi w terminie"),
    "withdrawn": ("taken back", "wycofano"),
    "leaves": ("belongs to none any more", "już do żadnej nie należy"),
    "decided by": ("taken into account: {}", "wzięto pod uwagę: {}"),
    "unprofiled": (
        "Decided without what we know of you, as you asked or the law asks.",
        "Wybrano bez tego, co o Tobie wiemy: na Twoje życzenie albo z mocy prawa.",
    ),
    "degraded": (
        "Something was not at hand, and a prepared answer was given.",
        "Czegoś zabrakło i podano przygotowaną odpowiedź.",
    ),
    "erased": (
        "The personal part was erased; reasons that lay in it are no longer known.",
        "Część osobową usunięto; powodów, które z niej wynikały, już nie znamy.",
    ),
    "kind event": ("event", "zdarzenie"),
    "kind outcome": ("answer", "odpowiedź"),
    "kind profile": ("what we know of you changed", "zmiana tego, co o Tobie wiemy"),
    "kind consent": ("you allowed or refused", "zgoda albo odmowa"),
    "kind merge": ("two records turned out to be yours", "połączono dwa zapisy o Tobie"),
    "kind split": ("records that were joined were parted", "rozdzielono połączone zapisy"),
    "kind member": ("whom you belong to", "do czego należysz"),
    "stage shown": ("shown", "pokazano"),
    "stage withheld": ("left out, to compare", "pominięto dla porównania"),
    "stage inactive": ("switched off", "wyłączone"),
    "stage not_valid": ("not at this time", "nie w tym czasie"),
    "stage no_treatment": ("not made for this place", "nie jest przygotowane dla tego miejsca"),
    "stage eligibility": ("its conditions do not hold", "nie spełnia warunków"),
    "stage applicability": ("does not fit the situation", "nie pasuje do sytuacji"),
    "stage suitability": ("would not suit you", "nie byłoby dla Ciebie odpowiednie"),
    "stage exclusive": ("excluded by something else that is shown", "wyklucza je coś innego, co pokazano"),
    "stage already_shown": ("shown once already", "pokazano już raz"),
    "stage outranked": ("others went before it", "inne miały pierwszeństwo"),
    "stage irrelevant": ("too unlikely to be of interest", "zbyt mało prawdopodobne, by zainteresowało"),
    "stage limited": ("held back by a limit or for want of consent", "wstrzymuje je limit albo brak zgody"),
    "stage linked": ("leaves no room beside the others", "nie mieści się obok pozostałych"),
}
"""Key → words in the order of `LANGUAGES`."""


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str) -> str:
        """Give the words of a key."""
        return _WORDS[key][self._place]

    def or_plain(self, key: str, name: str) -> str:
        """Give the words of a key; a name in plain letters where there are none."""
        return self(key) if key in _WORDS else plain(name)


def plain(name: str) -> str:
    """Write a name of the project as words."""
    return name.replace("_", " ")
