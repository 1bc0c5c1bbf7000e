"""Records of one person joined and parted on a real broker: the customers' log says what each remembers."""

from argparse import Namespace
from typing import Any
from uuid import uuid4

import orjson
import pytest

from flows.adapters.complete import pseudonyms
from flows.intake import shard_decode
from flows.kafka import topics as kafka_topics
from flows.kafka.client import Connection
from flows.partition import shard_of
from flows.settings import Limits
from flows.shard import Shard
from flows.zones import Zones
from operators.decide import decide
from schemas import topics
from schemas.customer import Customer
from scripts.broker.embedded import EmbeddedBroker
from scripts.sources import rebuild
from state.memory import MemoryStore
from tests.kafka_logs import read, write
from tests.strategies import GRANT_ALL
from tests.streams import body, small_world

SHARDS = 2
NUMBERS = {"c-1": "0815", "c-2": "4711"}
ACCOUNTS = {customer: pseudonyms("")(number) for customer, number in NUMBERS.items()}


def act(kind: str, number: int, **fields: Any) -> tuple[str, bytes]:
    said = {"kind": kind, "event_id": f"i-{number}", "at": "2025-03-03T08:00:00Z", "by": "core"}
    return "i", orjson.dumps(said | fields)


def holder(number: str) -> dict[str, str]:
    return {"scheme": "account", "id": number}


def paid(customer: str, number: int, *, account: str, minor: int) -> tuple[str, bytes]:
    content = {"kind": "transaction.booked", "account": account, "transaction_id": f"t-{number}",
               "amount_minor": minor, "currency": "EUR", "balance_minor": None}  # fmt: skip
    return customer, body(customer, number, content, minutes=float(number))


def record_of(connection: Connection, customer: str) -> Customer | None:
    """What a worker makes of the customers' log."""
    number = shard_of(customer, shards=SHARDS)
    shard = Shard(
        MemoryStore(number),
        decode=shard_decode(Limits(), Zones(())),
        decide=decide,
        shards=SHARDS,
    )
    records = read(connection, topics.CUSTOMER_EVENTS, partitions=SHARDS)
    shard.process([r for r in records if r.partition == number], world=small_world())
    return shard.store.customer(customer)


def balances(connection: Connection, customer: str) -> dict[str, int]:
    me = record_of(connection, customer)
    return {} if me is None else {a: kept[1] for a, kept in me.slots["cash"]["accounts"].items()}


def test_joined_and_parted(
    embedded_broker: EmbeddedBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """A merge brings the other record's past over and closes it; a split gives an account's past back."""
    connection = Connection(embedded_broker.bootstrap_servers, prefix=f"rebuild-{uuid4().hex[:8]}.")
    kafka_topics.create(connection, shards=SHARDS)
    agreed = [(c, body(c, n, g, minutes=0)) for c in NUMBERS for n, g in enumerate(GRANT_ALL)]
    write(connection, topics.CUSTOMER_EVENTS, agreed)
    write(
        connection,
        topics.CUSTOMER_EVENTS,
        [
            paid("c-1", 10, account=ACCOUNTS["c-1"], minor=100),
            paid("c-2", 11, account=ACCOUNTS["c-2"], minor=-30),
        ],
    )
    merged = {"customer": "c-1", "merged": "c-2", "proof": "document", "reason": "seen"}
    links = [
        act("identity.linked", n, customer=c, holder=holder(number))
        for n, (c, number) in enumerate(NUMBERS.items())
    ]
    write(connection, topics.IDENTITIES, [*links, act("identity.merged", 2, **merged)])
    # What comes after the merge stands under the one who is left.
    write(connection, topics.CUSTOMER_EVENTS, [paid("c-1", 12, account=ACCOUNTS["c-2"], minor=-5)])
    options = Namespace(
        customer="c-1", broker=embedded_broker.bootstrap_servers, log=None, prefix=connection.prefix,
        config=None, by="test", reason="one person", part=False,
    )  # fmt: skip
    assert rebuild.run(options) == 0
    assert balances(connection, "c-1") == {ACCOUNTS["c-1"]: 100, ACCOUNTS["c-2"]: -35}
    closed = record_of(connection, "c-2")
    assert closed is not None
    assert closed.slots == {}
    told = orjson.loads(capsys.readouterr().out)
    assert (told["counted"], told["events"], told["rejected"]) == (["c-1", "c-2"], 3, 0)

    apart = {"customer": "c-1", "to": "c-2", "holders": [holder("4711")], "reason": "an error"}
    write(connection, topics.IDENTITIES, [act("identity.split", 3, **apart)])
    for customer in NUMBERS:
        options.customer = customer
        assert rebuild.run(options) == 0
    # Also what was booked on its account while the records were one.
    assert balances(connection, "c-1") == {ACCOUNTS["c-1"]: 100}
    assert balances(connection, "c-2") == {ACCOUNTS["c-2"]: -35}
    options.customer = "nobody"
    assert rebuild.run(options) == 1
