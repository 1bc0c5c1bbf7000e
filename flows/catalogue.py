"""Loads the catalogue from JSON files, and refuses it whole when one item is wrong.

In: a folder of JSON files, each a list of items. Out: the items, in file and list order.

A flaw names its file, item and field, and says what to do: whoever edits a catalogue is no programmer.
The same checks serve single items from the ``catalogue`` topic.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.base import Channel, Source
from schemas.decisions import SILENCE
from schemas.errors import ConfigError
from schemas.offers import TRAITS, Item, Kind

SHIPPED = Path(__file__).parent / "data" / "catalogue"
"""The catalogue of an imaginary retail bank, as an example and for tests."""
CODE = "config.bad-catalogue"
CREDIT_AGE_MIN = 18
COMES_TO_CUSTOMER: frozenset[Channel] = frozenset({Channel.PUSH, Channel.EMAIL})
RESERVED: tuple[str, ...] = (SILENCE, "all")
"""Ids that mean something else in a record: saying nothing, and a pause of everything."""

Flaw = tuple[str, str, str]
"""Field, what is wrong with it, what to do."""


def load(folder: Path = SHIPPED) -> tuple[Item, ...]:
    """The items of all ``*.json`` files of a folder, files in order of name.

    Args:
        folder: Where the files lie; each holds one JSON list of items.

    Raises:
        ConfigError: ``config.bad-catalogue``, at the first flaw. Disposition: halt.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise ConfigError(
            CODE, f"no *.json file in {folder}", hint="name the folder that holds the catalogue"
        )
    placed: list[tuple[Item, str]] = []
    for path in paths:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ConfigError(
                CODE, f"{path.name}: {error.strerror}", hint="let the worker read the file"
            ) from error
        placed += [(item, path.name) for item in parse(raw, name=path.name)]
    _refuse_duplicates(placed)
    return tuple(item for item, _ in placed)


def parse(raw: bytes, *, name: str) -> tuple[Item, ...]:
    """The items of one JSON list.

    Args:
        raw: UTF-8 JSON.
        name: What to call it in an error: a file name, or a topic and offset.

    Raises:
        ConfigError: ``config.bad-catalogue``. Disposition: halt.
    """
    try:
        rows = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ConfigError(
            CODE, f"{name}: {error}", hint="correct the JSON at this place"
        ) from error
    if not isinstance(rows, list):
        raise ConfigError(CODE, f"{name}: not a list", hint="put the items in one JSON list: [ … ]")
    items = tuple(
        _item(row, where=f"{name}: item {_called(row, index)}") for index, row in enumerate(rows)
    )
    _refuse_duplicates([(item, name) for item in items])
    return items


def digest(items: Iterable[Item]) -> str:
    """A digest of what the items say, for decisions: SHA-256 of their JSON, in order.

    Example:
        >>> digest([]) == digest(()) and len(digest([]))
        64
    """
    rows = [item.model_dump(mode="json") for item in items]
    return sha256(orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _called(row: object, index: int) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    return repr(name) if isinstance(name, str) else f"number {index + 1}"


def _item(row: Any, *, where: str) -> Item:
    try:
        item = Item.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the item"
        hint = (
            "take it out or spell it right" if first["type"] == "extra_forbidden" else "correct it"
        )
        raise ConfigError(
            CODE,
            f"{where}, field {field!r}: {first['msg']}",
            hint=f"{hint}; schemas/offers.py says what each field means",
        ) from error
    for field, wrong, hint in _flaws(item):
        raise ConfigError(CODE, f"{where}, field {field!r}: {wrong}", hint=hint)
    return item


def _refuse_duplicates(placed: Iterable[tuple[Item, str]]) -> None:
    seen: dict[str, str] = {}
    for item, name in placed:
        if item.id in seen:
            raise ConfigError(
                CODE,
                f"{name}: item {item.id!r}, field 'id': already in {seen[item.id]}",
                hint="give one of the two another id: what was learnt belongs to an id",
            )
        seen[item.id] = name


def _flaws(item: Item) -> Iterator[Flaw]:
    """What no single field shows: the fields must fit each other and the kind."""
    if item.id in RESERVED or item.id.startswith("category:"):
        yield "id", f"{item.id!r} is reserved", "choose another id"
    for trait in item.traits:
        if trait not in TRAITS:
            yield f"traits.{trait}", "unknown trait", f"use some of: {', '.join(TRAITS)}"
    if item.kind is Kind.OFFER:
        yield from _flaws_of_offer(item)
    else:
        yield from _flaws_of_rest(item)
    if item.kind is Kind.CONSENT_ASK:
        yield from _flaws_of_ask(item)
    elif item.asks_purpose is not None or item.asks_source is not None:
        field = "asks_source" if item.asks_purpose is None else "asks_purpose"
        yield field, f"is not for kind {item.kind}", "take it out, or make it a consent_ask"
    if item.kind is Kind.FEATURE and item.feature is None:
        yield "feature", "missing", "name the feature of the app that it leads to"
    if item.protective and item.kind is not Kind.INTERVENTION:
        yield "protective", f"is not for kind {item.kind}", "take it out"
    yield from _flaws_of_terms(item)


def _flaws_of_terms(item: Item) -> Iterator[Flaw]:
    low, high = item.eligibility.age_min, item.eligibility.age_max
    if low is not None and high is not None and low > high:
        yield "eligibility.age_max", f"{high} is below age_min {low}", "swap or correct them"
    both = sorted({*item.eligibility.requires} & {*item.eligibility.excludes})
    if both:
        yield "eligibility.excludes", f"{both[0]!r} is required too", "take one of the two out"


def _flaws_of_offer(item: Item) -> Iterator[Flaw]:
    if item.pressure <= 0:
        yield "pressure", "an offer sells, so it is above 0", "say how much it sells, in 0..1"
    if item.high_stakes and Channel.PUSH in item.channels:
        yield "channels", "high stakes do not go out by push", "take push out"
    if not item.credit:
        return
    for field in ("shortfall_max", "debt_service_share_max", "income_minor_month_min"):
        if getattr(item.suitability, field) is None:
            yield f"suitability.{field}", "credit needs this limit", "set it"
    if item.eligibility.age_min is None or item.eligibility.age_min < CREDIT_AGE_MIN:
        yield "eligibility.age_min", "credit is for adults", f"set it to {CREDIT_AGE_MIN} or more"
    if Channel.PUSH in item.channels:
        yield "channels", "credit does not go out by push", "take push out"


def _flaws_of_rest(item: Item) -> Iterator[Flaw]:
    if item.pressure > 0:
        yield "pressure", f"kind {item.kind} does not sell", "set it to 0, or make it an offer"
    if item.credit:
        yield (
            "credit",
            f"kind {item.kind} does not sell credit",
            "set it to false, or make it an offer",
        )
    if item.product is not None:
        yield "product", f"kind {item.kind} sells no product", "take it out, or make it an offer"


def _flaws_of_ask(item: Item) -> Iterator[Flaw]:
    if item.asks_purpose is None:
        yield "asks_purpose", "missing", "say which purpose it asks consent for"
    if item.asks_source is None or item.asks_source is Source.CONTROL:
        yield "asks_source", "names no data source", "say which data it asks consent for"
    if item.answers:
        yield "answers", "an ask uses no personal data, so it answers no signal", "take it out"
    if not COMES_TO_CUSTOMER.isdisjoint(item.channels):
        yield "channels", "consent is asked where the customer is", "leave in_app and chat only"
