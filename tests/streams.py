"""A small world and a few lives, for tests of the flows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from flows import catalogue
from flows.records import Record
from operators.contracts import World
from schemas import topics
from schemas.models import Models
from schemas.rules import Rules
from tests.strategies import GRANT_ALL

START = datetime(2025, 3, 3, 8, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)


class StillEncoder:
    """An encoder to whom all texts are alike: these tests are not about reading."""

    name = "still"
    size = 4

    def encode(self, text: str) -> NDArray[np.float32]:
        del text
        return np.array([1.0, 0.0, 0.0, 0.0], dtype=np.float32)


def small_world() -> World:
    """The shipped catalogue, default rules without a holdout, no model yet."""
    items = catalogue.load()
    return World(
        catalogue=items,
        rules=Rules(holdout_share=0.0),
        models=Models(),
        encoder=StillEncoder(),
        digests={"config": "test", "catalogue": catalogue.digest(items)},
    )


def body(
    customer: str, number: int, content: dict[str, Any], *, minutes: float, start: datetime = START
) -> bytes:
    """One native event as JSON."""
    return orjson.dumps(
        {
            "event_id": f"{customer}-{number}",
            "customer": customer,
            "at": (start + timedelta(minutes=minutes)).isoformat(),
            **content,
        }
    )


def morning(customer: str, *, start: datetime = START) -> list[bytes]:
    """A customer agrees to everything, is paid, shops and opens the app: decisions follow."""
    shop = {
        "kind": "transaction.booked",
        "account": "a-1",
        "currency": "EUR",
        "method": "card",
        "mcc": "5411",
        "counterparty": "shop-1",
    }
    contents: list[dict[str, Any]] = [
        *GRANT_ALL,
        {"kind": "profile.updated", "birth_year": 1988, "employment": "employed"},
        {**shop, "transaction_id": "t-1", "amount_minor": 250_000, "balance_minor": 400_000,
         "method": "transfer", "counterparty": "employer-1", "mcc": None},
        {**shop, "transaction_id": "t-2", "amount_minor": -4_200, "balance_minor": 395_800},
        {"kind": "app.opened"},
        {"kind": "app.screen_viewed", "screen": "travel"},
        {"kind": "location.zone_entered", "zone": "airport:LHR", "zone_kind": "airport"},
        {"kind": "app.opened"},
    ]  # fmt: skip
    return [body(customer, n, c, minutes=float(n), start=start) for n, c in enumerate(contents)]


def log_of(
    bodies: Sequence[bytes], *, partition: int = 0, first: int = 0, sourced: bool = False
) -> list[Record]:
    """Bodies as records of the customers' log, each keyed by its customer."""
    return [
        Record(
            topics.CUSTOMER_EVENTS,
            partition,
            first + n,
            orjson.loads(value)["customer"].encode(),
            value,
            (("source", b"transactions:0:%d:0" % (first + n)),) if sourced else (),
            START_MS,
        )
        for n, value in enumerate(bodies)
    ]
