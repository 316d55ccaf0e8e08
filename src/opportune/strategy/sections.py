"""Typed sections of a strategy project: what each file says, as plain frozen data.

A section knows nothing of other files; what must agree between files is examined by `opportune.strategy.check`.
Every class names the file that it stands for. Shares and propensities lie in [0, 1]; times are aware datetimes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StrictBool, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from opportune.records import Sign, ValueType

__all__ = [
    "Absence",
    "Action",
    "Amount",
    "Attribute",
    "Channel",
    "ContextAttribute",
    "ContextWeight",
    "ControlGroup",
    "DecisionTable",
    "Duration",
    "EventAttribute",
    "EventType",
    "Expectation",
    "Exploration",
    "Group",
    "Learning",
    "Minors",
    "Model",
    "OutcomeType",
    "OutcomeValue",
    "PastContact",
    "Persona",
    "PersonaConsent",
    "PersonaEvent",
    "Placement",
    "Promotion",
    "RampUp",
    "ResponseWindow",
    "RuleText",
    "Segment",
    "Settings",
    "Treatment",
    "Turn",
    "Validity",
]

SHOWN = "shown"
"""Stands beside outcomes in the values of an action: what showing it is worth, whatever the answer."""

AMOUNT_MAX = 1e12
"""Largest amount of an outcome, where its type names no range."""

Name = Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Text = Annotated[StrictStr, Field(max_length=2_000)]
Content = Annotated[StrictStr, Field(max_length=20_000)]
RuleSource = Annotated[StrictStr, Field(min_length=1, max_length=5_000)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
Lever = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=100)]
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)]
Role = Literal["agent", "strategist", "analyst", "compliance"]
Answer = Literal["refuse", "ignore"]

PlainSetting = StrictBool | StrictInt | Number | Text | tuple[Text, ...]
SettingValue = PlainSetting | dict[Text, PlainSetting]


class Section(BaseModel):
    """Base of all sections: frozen, and no key is accepted that is not described."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _one_rule(value: Any) -> Any:
    return {"rule": value} if isinstance(value, str) else value


def _rules(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [_one_rule(item) for item in items]


def _mandatory(value: Any) -> Any:
    if isinstance(value, bool):
        return {"rule": "true"} if value else None
    return _one_rule(value)


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _moment(value: Any) -> datetime:
    """Read an aware timestamp; pydantic's own reading would accept numbers and naive times."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and not _DAY.fullmatch(value):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            read = None
        if read is not None and read.tzinfo is not None and 1 < read.year < 9999:
            return read.astimezone(UTC)
    raise PydanticCustomError("moment", "expected a moment with its offset from UTC, such as 2026-05-04T18:00:00Z")


def _day_or_moment(value: Any) -> date | datetime:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            read = date.fromisoformat(value)
        except ValueError:
            read = None
        if read is not None and 1 < read.year < 9999:
            return read
        raise PydanticCustomError("day", "expected a day of the calendar, such as 2026-12-31")
    if type(value) is date:
        return value
    try:
        return _moment(value)
    except PydanticCustomError:
        raise PydanticCustomError(
            "day", "expected a day such as 2026-12-31, or a moment such as 2026-12-31T18:00:00Z"
        ) from None


Moment = Annotated[datetime, PlainValidator(_moment, json_schema_input_type=str)]
DayOrMoment = Annotated[date | datetime, PlainValidator(_day_or_moment, json_schema_input_type=str)]


class Exploration(Section):
    """How a placement tries what it is not sure of.

    Keys:
        method: "thompson" draws from what the model holds possible; "igw" the rarer, the further behind the best;
            "none" always takes the best. Default thompson.
        scale: of "thompson": how far the model's uncertainty is followed, 0..3. Default 0.2.
        gamma: of "igw": how fast the chance falls with the gap, 0..1000000. Default by evidence.
        floor: share of draws spread evenly over all candidates that passed, 0..0.5. Default 0.02.
        ceiling: share of draws that may go to others than the best, from floor to 1. Default 1.
    """

    method: Literal["thompson", "igw", "none"] = "thompson"
    scale: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=3)] = 0.2
    gamma: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e6)] | None = None
    floor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.5)] = 0.02
    ceiling: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)] = 1.0


class RampUp(Section):
    """How the share of draws of a new action grows with its answers.

    Keys:
        start: largest share without any answer, above 0, at most 1. Default 0.02.
        full_after: answers after which it is held back no longer, 1..1000000. Required.
    """

    start: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)] = 0.02
    full_after: Annotated[StrictInt, Field(ge=1, le=1_000_000)]


class Promotion(Section):
    """When a challenger takes over by itself.

    Keys:
        by: least share by which its log loss is lower than the champion's, 0..0.5. Default 0.01.
        after: least number of answers that both foresaw, 100..1000000000. Default 5000.
        confidence: of the difference being at least so large, 0.5..0.999. Default 0.95.
    """

    by: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.5)] = 0.01
    after: Annotated[StrictInt, Field(ge=100, le=1_000_000_000)] = 5_000
    confidence: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0.5, le=0.999)] = 0.95


class Learning(Section):
    """How much one person teaches about one action, so that nobody can teach for all.

    Keys:
        person_answers: decisions whose answers are learned within a period, 0..100; 0 is no bound. Default 5.
        person_chance: a person who says yes so often that it would be rarer than this among all others teaches no more
            within the period, 0..0.5; 0 is no bound. Default 0.08.
        period_days: length of a period, 1..366. Default 30.
    """

    person_answers: Annotated[StrictInt, Field(ge=0, le=100)] = 5
    person_chance: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.5)] = 0.08
    period_days: Annotated[StrictInt, Field(ge=1, le=366)] = 30


class Minors(Section):
    """Who is decided for without what is known of the person, being too young for it.

    Keys:
        attribute: customer attribute that holds the age in years, or the moment of birth. Required.
        below: age in years at which somebody is a minor no longer, 1..30. Default 18.
        unknown: whether somebody whose age is not known counts as a "minor" or as an "adult". Required.
        allowed_because: why minors may be decided for with what is known of them. Default: they are not.
    """

    attribute: Name
    below: Annotated[StrictInt, Field(ge=1, le=30)] = 18
    unknown: Literal["minor", "adult"]
    allowed_because: Text = ""


class Settings(Section):
    """project.yaml: what holds for the whole strategy.

    Keys:
        name: short name of the strategy. Required.
        title: for people.
        time_zone: IANA zone of days, and of customers whose own zone is unknown. Required.
        languages: of the content; the first is the default. Required.
        exploration: of every placement that does not say otherwise.
        score: what an outcome counts: "expected", as often as it happens where the action is shown, or "incremental",
            as much more often as where the action is withheld. Default expected.
        champion: name of the model in models.yaml that decides, until another one is promoted. Default: the only one.
        promotion: when a challenger takes over by itself. Default: never.
        learning: how much one person teaches.
        deadline_ms: time for one decision before the fallback answers, in milliseconds, 1..60000. Default 100.
        retention_days: what was recorded longer ago is dropped, 30..36500. Default: everything is kept.
        minors: who is decided for without what is known of the person. Default: nobody for being young.
        unknown_context: "refuse" or "ignore" a context attribute that a request brings undeclared. Default refuse.
        unknown_attributes: the same for attributes of customers. Default refuse.
    """

    name: Name
    title: Text = ""
    time_zone: StrictStr
    languages: Annotated[tuple[StrictStr, ...], Field(min_length=1, max_length=50)]
    exploration: Exploration = Exploration()
    score: Literal["expected", "incremental"] = "expected"
    champion: Name | None = None
    promotion: Promotion | None = None
    learning: Learning = Learning()
    deadline_ms: Annotated[StrictInt, Field(ge=1, le=60_000)] = 100
    retention_days: Annotated[StrictInt, Field(ge=30, le=36_500)] | None = None
    minors: Minors | None = None
    unknown_context: Answer = "refuse"
    unknown_attributes: Answer = "refuse"


KeepDays = Annotated[StrictInt, Field(ge=1, le=36_500)]


class EventAttribute(Section):
    """One attribute of an event type in events.yaml; also the part that all kinds of attribute share.

    Keys:
        type: boolean, integer, number, text, timestamp or texts (a list of text). Required.
        title: for people.
        unit: of the number, such as EUR or min.
        range: smallest and largest value, for integer and number; ~ leaves a side open.
        values: the only texts allowed, for text and texts.
        max_length: longest text, in characters, 1..10000. Default 200.
        max_items: longest list of texts, 1..10000. Default 100.
        special: category that the law protects: origin, politics, belief, union, genetics, biometrics, health,
            sexuality or crime. Nothing may depend on the attribute then, unless `allowed_because` says why.
        allowed_because: why the law allows it to be used all the same.
    """

    type: ValueType
    title: Text = ""
    unit: Annotated[StrictStr, Field(max_length=40)] = ""
    range: tuple[Number | None, Number | None] | None = None
    values: Annotated[tuple[Annotated[StrictStr, Field(max_length=200)], ...] | None, Field(max_length=10_000)] = None
    max_length: Annotated[StrictInt, Field(ge=1, le=10_000)] = 200
    max_items: Annotated[StrictInt, Field(ge=1, le=10_000)] = 100
    special: (
        Literal["origin", "politics", "belief", "union", "genetics", "biometrics", "health", "sexuality", "crime"]
        | None
    ) = None
    allowed_because: Text = ""


_ShortText = Annotated[StrictStr, Field(max_length=200)]
MissingText = _ShortText | dict[StrictStr, _ShortText] | None


class ContextAttribute(EventAttribute):
    """One context attribute in context.yaml.

    Keys, beside those of an event's attribute:
        predictor: whether models may see it. Default true.
        personal: whether it says something about the person. Default false.
        if_missing: what texts of treatments say where it is missing: a text, or language -> text. Default: no text may
            name it.
        source: what fills it where the request does not say it: NAME.WHAT of a source in sources.yaml, or time.WHAT or
            channel.WHAT. Default: nothing does.
        keeps: "session": what one request says of it holds for all later ones of its session, until one says it anew.
            Default: it holds for that request alone.
    """

    predictor: StrictBool = True
    personal: StrictBool = False
    if_missing: MissingText = None
    source: Annotated[StrictStr, Field(max_length=210)] | None = None
    keeps: Literal["session"] | None = None


class Attribute(EventAttribute):
    """One customer attribute in attributes.yaml.

    Keys, beside those of an event's attribute:
        keep_days: a value that was set longer ago is dropped, 1..36500. Default: it is kept.
        predictor: whether models may see it. Default true.
        personal: whether it says something about the person. Default true.
        visible_to: roles that may read it: agent, strategist, analyst, compliance. Default [agent].
        if_missing: what texts of treatments say where it is missing: a text, or language -> text. Default: no text may
            name it.
        fresh_for: how long a value can be relied on after it was set; an older one, or none, is named among the doubts
            of a decision. Default: for ever.
    """

    predictor: StrictBool = True
    personal: StrictBool = True
    visible_to: tuple[Role, ...] = ("agent",)
    keep_days: KeepDays | None = None
    if_missing: MissingText = None
    fresh_for: Duration | None = None


ForeignNames = Annotated[tuple[_ShortText, ...], Field(max_length=100)]
"""What others call something."""


class EventType(Section):
    """One event type in events.yaml.

    Keys:
        title: for people.
        keep_days: what it says of a person is dropped when it happened longer ago, 1..36500. Default: as long as all.
        attributes: name -> what it holds.
        cloud_events: types of CloudEvents that are meant, beside one of this name.
        segment: names of Segment events that are meant, or page or screen; beside those of the same words.
    """

    title: Text = ""
    keep_days: KeepDays | None = None
    attributes: dict[Name, EventAttribute] = {}
    cloud_events: ForeignNames = ()
    segment: ForeignNames = ()


class OutcomeValue(Section):
    """How much an outcome may be: money, or a number.

    Keys:
        currency: ISO 4217 code that makes it money; amounts are whole numbers of its smallest unit, such as cents.
        unit: what a number is counted in, such as GB or min.
        range: smallest and largest amount; ~ leaves a side open. Default -1000000000000 to 1000000000000.
    """

    currency: StrictStr | None = None
    unit: Annotated[StrictStr, Field(max_length=40)] = ""
    range: tuple[Number | None, Number | None] | None = None


class OutcomeType(Section):
    """One outcome type in outcomes.yaml.

    Keys:
        sign: positive, negative or neutral: what it says of the shown action. Required.
        title: for people.
        after: the outcome that happens before it, such as click before a purchase. Default none.
        value: how much it may be; without it, reports carry no amount.
    """

    sign: Sign
    title: Text = ""
    after: Name | None = None
    value: OutcomeValue | None = None


class Duration(Section):
    """A length of time; its parts add up to 1 minute at least and 3660 days at most.

    Keys:
        weeks, days: calendar time in the customer's zone: the same time of day so many days before.
        hours, minutes: elapsed time.
    """

    weeks: Annotated[StrictInt, Field(ge=0, le=520)] = 0
    days: Annotated[StrictInt, Field(ge=0, le=3_660)] = 0
    hours: Annotated[StrictInt, Field(ge=0, le=100_000)] = 0
    minutes: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 0

    @property
    def calendar_days(self) -> int:
        """Days of the calendar, weeks included."""
        return 7 * self.weeks + self.days

    @property
    def elapsed_seconds(self) -> int:
        """Seconds beside the days."""
        return 3_600 * self.hours + 60 * self.minutes

    @property
    def seconds(self) -> int:
        """About how long it is, a day taken as 24 hours."""
        return 86_400 * self.calendar_days + self.elapsed_seconds


class ResponseWindow(Section):
    """How long silence waits in a channel before it counts.

    Keys:
        days, hours, minutes: length; their sum is at least one minute and at most 400 days.
        default: outcome recorded when it ends without a positive or negative one. Required.
    """

    days: Annotated[StrictInt, Field(ge=0, le=400)] = 0
    hours: Annotated[StrictInt, Field(ge=0, le=10_000)] = 0
    minutes: Annotated[StrictInt, Field(ge=0, le=100_000)] = 0
    default: Name

    @property
    def length(self) -> timedelta:
        """Length of the window."""
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes)


class Placement(Section):
    """One placement of a channel.

    Keys:
        title: for people.
        size: how many actions it takes, 1..100. Required.
        fallback: actions shown when no decision can be made in time, best first; [] shows nothing. Required.
        exploration: keys that differ from the project's.
        minimum_relevance: least propensity of the channel's first positive outcome that is shown, 0..1. Default 0.
    """

    title: Text = ""
    size: Annotated[StrictInt, Field(ge=1, le=100)]
    fallback: tuple[Name, ...]
    exploration: Exploration | None = None
    minimum_relevance: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, lt=1)] = 0.0


class Channel(Section):
    """One channel in channels.yaml.

    Keys:
        title: for people.
        direction: "inbound". Default inbound.
        outcomes: outcome types that it can report. Required.
        response_window: how long silence waits; without it silence stays silence.
        tokens: whether its answers carry a signed token, by which a page reports outcomes. Default false.
        placements: name -> placement. Required.
    """

    title: Text = ""
    direction: Literal["inbound", "outbound"] = "inbound"
    outcomes: Annotated[tuple[Name, ...], Field(min_length=1)]
    response_window: ResponseWindow | None = None
    tokens: StrictBool = False
    placements: Annotated[dict[Name, Placement], Field(min_length=1)]


class Segment(Section):
    """One segment in segments.yaml, written as its rule alone or as a map.

    Keys:
        rule: CEL, true for members. Required.
        title: for people.
    """

    rule: RuleSource
    title: Text = ""


class ControlGroup(Section):
    """One control group in control_groups.yaml.

    Keys:
        title: for people.
        share: of all customers, above 0, at most 1. Required.
        choose: how its decisions are made: "random" among what passed, by "propensity" alone, with "no_levers", or as
            for everybody and then "withhold", so that nothing is shown. Required.
        period: how long a person stays before being drawn anew: month, quarter, year or forever. Default quarter.
    """

    title: Text = ""
    share: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)]
    choose: Literal["random", "propensity", "no_levers", "withhold"]
    period: Literal["month", "quarter", "year", "forever"] = "quarter"


class DecisionTable(Section):
    """One decision table in tables.yaml: a sheet whose rows become rules of the actions that they name.

    Keys:
        file: the sheet, tables/<name>.csv or tables/<name>.xlsx. Required.
        gives: what its rows give to actions: eligibility, applicability or suitability (a row that fits lets them
            pass), or percent (added to their context weight). Required.
        hit: which rows count where several fit: the "first", all of them ("collect"), or "unique", where no two rows
            may ever fit both. Required.
        gaps: "refuse" where values that no row fits are a problem, or "allow". Default refuse.
        because: what to tell people when the table keeps an action out. Default the name of the table.
    """

    file: Annotated[StrictStr, Field(max_length=120)]
    gives: Literal["eligibility", "applicability", "suitability", "percent"]
    hit: Literal["first", "unique", "collect"]
    gaps: Literal["refuse", "allow"] = "refuse"
    because: Text = ""


class RuleText(Section):
    """A rule as written.

    Keys:
        rule: CEL that gives true or false. Required.
        because: what to tell people when the rule keeps an action out.
    """

    rule: RuleSource
    because: Text = ""


RuleInput = str | RuleText
Rules = Annotated[tuple[RuleText, ...], BeforeValidator(_rules, json_schema_input_type=RuleInput | list[RuleInput])]


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


FormerNames = Annotated[
    tuple[Name, ...], BeforeValidator(_names, json_schema_input_type=str | list[str]), Field(max_length=100)
]


class Model(Section):
    """One propensity model in models.yaml.

    Keys:
        kind: member of the family of models. Default mixture.
        settings: what the kind lets one choose, by name. Default: its own defaults.
        sees: the only attributes that it may see, such as customer.age or context.page. Default: all.
        hides: attributes that it may not see. Default none.
        renamed_from: the model's former name, or a list of them; what it learned goes on. Default none.
    """

    kind: Name = "mixture"
    settings: Annotated[dict[Name, SettingValue], Field(max_length=100)] = {}
    sees: Annotated[tuple[Text, ...], Field(max_length=10_000)] | None = None
    hides: Annotated[tuple[Text, ...], Field(max_length=10_000)] = ()
    renamed_from: FormerNames = ()


class Group(Section):
    """actions/<group>/group.yaml: what holds for all actions of the folder.

    Keys:
        title: for people.
        renamed_from: the group's former name, or a list of them; what was learned of it goes on. Default none.
        description: for people.
        active: false switches all its actions off. Default true.
        lever: manual factor on the priority of its actions, 0..100. Default 1.
        ramp_up: how the share of draws of each of its actions grows with its answers. Default: not held back.
        eligibility, applicability, suitability: a rule or a list of rules, all of which must be true.
    """

    title: Text = ""
    renamed_from: FormerNames = ()
    description: Text = ""
    active: StrictBool = True
    lever: Lever = 1.0
    ramp_up: RampUp | None = None
    eligibility: Rules = ()
    applicability: Rules = ()
    suitability: Rules = ()


class Validity(Section):
    """When an action may be shown.

    Keys:
        from: first day (in the project's time zone) or first moment.
        until: last day, included, or the moment at which it ends.
    """

    begin: Annotated[DayOrMoment | None, Field(alias="from")] = None
    until: DayOrMoment | None = None

    def instants(self, zone: str) -> tuple[datetime | None, datetime | None]:
        """Give first instant and the instant after the last, in UTC; None where that side is open.

        Args:
            zone: IANA zone in which days begin.
        """
        return _instant(self.begin, zone, 0), _instant(self.until, zone, 1)


def _instant(moment: date | datetime | None, zone: str, days_more: int) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment + timedelta(days=days_more), time(), ZoneInfo(zone)).astimezone(UTC)


class Amount(Section):
    """What an outcome is worth: a number in the goal's unit, an amount of money such as "25.00 EUR", or what it was."""

    number: Number
    currency: str | None = None
    decimals: int = 0
    """Digits written after the point of an amount of money."""
    reported: bool = False
    """What it is worth is what reports of the outcome say; `number` is then 0."""


_MONEY = re.compile(r"([-+]?\d{1,12}(?:\.(\d{1,12}))?) +([A-Z]{3})")


def _amount(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"number": value}
    if value == "amount":
        return {"number": 0.0, "reported": True}
    if isinstance(value, str):
        match = _MONEY.fullmatch(value)
        if match:
            return {"number": float(match[1]), "currency": match[3], "decimals": len(match[2] or "")}
    if isinstance(value, Amount):
        return value
    raise PydanticCustomError("amount", 'expected a number, an amount of money such as "25.00 EUR", or the word amount')


ValueAmount = Annotated[Amount, BeforeValidator(_amount, json_schema_input_type=float | str)]


class ContextWeight(Section):
    """One context weight of an action.

    Keys:
        when: CEL that gives true or false. Required.
        percent: added to the action's context weight when true, -100..1000. Required.
    """

    when: RuleSource
    percent: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-100, le=1000)]


class Treatment(Section):
    """How an action appears in one channel.

    Keys:
        renamed_from: the treatment's former name in this channel, or a list of them; what was learned of it goes on.
            Default none.
        placements: of the channel in which it fits. Default all.
        content: language -> part (such as title) -> text, for every language of the project.
    """

    renamed_from: FormerNames = ()
    placements: Annotated[tuple[Name, ...] | None, Field(min_length=1)] = None
    content: dict[StrictStr, dict[Name, Content]] = {}


class Action(Section):
    """actions/<group>/<action>.yaml: one action.

    Keys:
        kind: "offer", "service", or "transactional": what somebody waits for, such as a delivery note. Required.
        title: for people. Required.
        renamed_from: the action's former name, or a list of them; what was learned of it goes on. Default none.
        description: for people.
        active: false switches it off. Default true.
        valid: when it may be shown. Default always.
        mandatory: true, or a rule; when true it is shown before all that are not mandatory. Default false.
        lever: manual factor on its priority, 0..100. Default 1.
        ramp_up: how its share of draws grows with its answers. Default that of the group.
        eligibility, applicability, suitability: a rule or a list of rules, all of which must be true.
        values: goal -> outcome (or "shown") -> what it is worth; "amount" is what its reports say.
        response_windows: channel -> how long silence waits there, in the place of the channel's own.
        exclusive: exclusivity groups; one answer holds at most one action of each.
        uses: stock -> how much of it showing the action takes; pieces, minutes, or money such as 12.50.
        context_weights: list of weights that add up; context weight = max(0, 1 + sum / 100).
        treatments: channel -> name -> treatment. Required.
    """

    kind: Literal["offer", "service", "transactional"]
    title: Annotated[Text, Field(min_length=1)]
    renamed_from: FormerNames = ()
    description: Text = ""
    active: StrictBool = True
    valid: Validity = Validity()
    mandatory: Annotated[RuleText | None, BeforeValidator(_mandatory, json_schema_input_type=bool | str | RuleText)] = (
        None
    )
    lever: Lever = 1.0
    ramp_up: RampUp | None = None
    eligibility: Rules = ()
    applicability: Rules = ()
    suitability: Rules = ()
    values: dict[Name, dict[Name, ValueAmount]] = {}
    response_windows: dict[Name, ResponseWindow] = {}
    exclusive: tuple[Name, ...] = ()
    uses: dict[Name, ValueAmount] = {}
    context_weights: tuple[ContextWeight, ...] = ()
    treatments: Annotated[dict[Name, Annotated[dict[Name, Treatment], Field(min_length=1)]], Field(min_length=1)]


class Absence(Section):
    """Why a persona test expects an action to be absent.

    Keys:
        stage: the stage that dropped it. Default any.
        because: text that its reason contains. Default any.
    """

    stage: (
        Literal[
            "inactive",
            "not_valid",
            "no_treatment",
            "eligibility",
            "applicability",
            "suitability",
            "exclusive",
            "already_shown",
            "outranked",
            "irrelevant",
            "limited",
            "linked",
        ]
        | None
    ) = None
    because: Text | None = None


def _absent(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: {} for item in value}
    return value


class Expectation(Section):
    """What a persona test expects of the answer.

    Keys:
        ranking: actions with which the answer begins, in this order.
        present: actions somewhere in the answer.
        absent: actions not in the answer; a list, or a map action -> why.
    """

    ranking: tuple[Name, ...] = ()
    present: tuple[Name, ...] = ()
    absent: Annotated[
        dict[Name, Absence],
        BeforeValidator(_absent, json_schema_input_type=list[str] | dict[str, Absence]),
    ] = {}


def _facts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise PydanticCustomError("dict_type", "expected a map")


class PastContact(Section):
    """One contact in the history of a persona test.

    Keys:
        action: what it was about. Required.
        what: "shown", or the outcome that came. Default shown.
        ago: how long before the test's moment. Required.
        channel: where. Default the test's own channel.
    """

    action: Name
    what: Name = "shown"
    ago: Duration
    channel: Name | None = None


class PersonaConsent(Section):
    """What the person of a persona test said of a purpose, written as true or false alone or as a map.

    Keys:
        given: whether the person agreed. Required.
        channel: where it holds. Default in all channels.
        ago: how long before the test's moment it was said. Default one day.
        source: how it was said. Default unknown.
        text: version of the text. Default unknown.
    """

    given: StrictBool
    channel: Name | None = None
    ago: Duration = Duration(days=1)
    source: _ShortText = ""
    text: _ShortText = ""


def _consents(value: Any) -> Any:
    """Read consents of a persona: one, or a list of them."""
    items = value if isinstance(value, list) else [value]
    return [{"given": item} if isinstance(item, bool) else item for item in items]


PersonaConsents = Annotated[
    tuple[PersonaConsent, ...],
    BeforeValidator(_consents, json_schema_input_type=bool | PersonaConsent | list[PersonaConsent]),
    Field(max_length=100),
]


class PersonaEvent(Section):
    """Something that happened, in a persona test; features count it.

    Keys:
        event: event type. Required.
        attributes: attribute of the event type -> value. Default none.
        ago: how long before the test's moment, or before that of its turn. Default just then.
    """

    event: Name
    attributes: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = {}
    ago: Duration | None = None


class Turn(Section):
    """One turn of a persona test with several: what is new, and the answer expected then.

    Keys:
        says: what happens, in words. Required.
        after: time since the turn before. Default one minute; the first turn is at the test's moment.
        context: context attribute -> value that is said in this turn. Default none.
        text: what is said or written, for texts.yaml to read. Default nothing.
        events: what just happened, for features. Default none.
        outcomes: action that an answer held before -> what came of it. Default none.
        expect: what the answer must hold. Required.
    """

    says: Annotated[Text, Field(min_length=1)]
    after: Duration = Duration(minutes=1)
    context: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = {}
    text: Content = ""
    events: Annotated[tuple[PersonaEvent, ...], Field(max_length=10_000)] = ()
    outcomes: dict[Name, Name] = {}
    expect: Expectation


class Persona(Section):
    """One test in tests/<name>.yaml: a profile, a context and a moment, and the answer expected; or several turns.

    It runs without exploration and outside of control groups.

    Keys:
        name: what it shows, in words; unique in the project. Required.
        at: moment of the decision with its offset from UTC. Required.
        customer: attribute -> value of the profile. Default none.
        context: context attribute -> value; where there are turns, it is said in each of them. Default none.
        text: what is said or written, for texts.yaml to read; where there are turns, they have their own. Default
            nothing.
        language: of the contact and of its texts, such as pl. Default the project's first.
        history: contacts before, for contact policies. Default none.
        events: what happened before, for features. Default none.
        stocks: stock -> how much of it is taken, in its period at that moment. Default nothing.
        consents: purpose -> true, false, or what was said of it in full; a list of such. Default: nothing was said.
        channel: where the contact happens. Required.
        placement: slot to fill. Required.
        size: how many actions. Default the placement's own.
        propensities: action -> fixed probability of its first positive outcome, for all treatments.
        expect: what the answer must hold. Required, unless there are turns.
        turns: one conversation, in place of `expect`: what is new in each turn, and the answer expected then.
    """

    name: Annotated[Text, Field(min_length=1)]
    at: Moment
    customer: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = {}
    context: Annotated[
        dict[str, Any], PlainValidator(_facts, json_schema_input_type=dict[str, bool | float | str | list[str]])
    ] = {}
    text: Content = ""
    language: Annotated[StrictStr, Field(max_length=35)] | None = None
    history: Annotated[tuple[PastContact, ...], Field(max_length=10_000)] = ()
    events: Annotated[tuple[PersonaEvent, ...], Field(max_length=10_000)] = ()
    stocks: dict[Name, Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e12)]] = {}
    consents: dict[Name, PersonaConsents] = {}
    channel: Name
    placement: Name
    size: Annotated[StrictInt, Field(ge=1, le=100)] | None = None
    propensities: dict[Name, Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]] = {}
    expect: Expectation | None = None
    turns: Annotated[tuple[Turn, ...], Field(max_length=100)] = ()
