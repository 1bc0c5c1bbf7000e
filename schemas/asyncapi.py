"""The contract of all topics as an AsyncAPI document, made from the shapes that the code validates with.

Source: AsyncAPI specification 3.0.0; payloads in JSON Schema, as pydantic writes it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from schemas import topics
from schemas.events import SHAPES, TOPIC_OF_KIND_PREFIX
from schemas.identity import (
    Forgotten,
    HouseholdChanged,
    Linked,
    Merged,
    Split,
    Unlinked,
)
from schemas.offers import Item
from schemas.outputs import BODIES, ModelRecord, VerdictRecord

VERSION = "1.0.0"
"""Of the contract. A change that an old reader or writer can't live with raises the first number."""
ACTS: tuple[type[Any], ...] = (Linked, Unlinked, Merged, Split, HouseholdChanged, Forgotten)
CONTROL: dict[str, tuple[type[Any], ...]] = {
    topics.MODELS: (ModelRecord,),
    topics.CATALOGUE: (Item,),
    topics.VERDICTS: (VerdictRecord,),
}
SAYS: dict[str, str] = {
    topics.IDENTITIES: "whose account is whose; key: the customer",
    topics.CUSTOMER_EVENTS: "every source's events in one order per customer; key: the customer",
    topics.OFFERS: "what to show, and what is recalled; key: the customer",
    topics.DECISIONS: "the full record of each decision, silence included; key: the customer",
    topics.INSIGHTS: "what was noticed; key: the customer",
    topics.TRANSPARENCY: "which data was used for what, on whose word; key: the customer",
    topics.LESSONS: "what the learners are told; key: the customer",
    topics.IMPACT: "what is measured; key: the customer, or who measured",
    topics.REVIEWS: "cases for the review board; key: the customer",
    topics.DEAD_LETTERS: "records that could not be used, as they came, their cause in headers __connect.errors.*",
    topics.MODELS: "snapshots and roll-outs; compacted, key: the model",
    topics.CATALOGUE: "items that can be said; compacted, key: the item",
    topics.VERDICTS: "the review board's word; compacted, key: the item",
}


def document() -> dict[str, Any]:
    """The whole contract, in a fixed order: equal code gives equal bytes.

    Returns:
        An AsyncAPI 3.0 document: a channel a topic, a message a shape, a schema a type. «send» and
        «receive» are the system's.
    """
    by_topic = messages()
    shapes = _distinct(shape for said in by_topic.values() for shape in said)
    schemas = _schemas(shapes)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "market-of-one",
            "version": VERSION,
            "description": "Topics of the streaming heart of hyper-personalised banking. Sources may also come as "
            "CloudEvents, ISO 20022, Debezium, Open Banking or Avro: `ingest` translates them into these shapes. A record with the header `sealed` is one of these behind its "
            "customer's key: `python -m flows open` shows it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, by_topic.get(topic, ())) for topic in topics.ALL},
        "operations": {
            f"{action}-{topic}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic}"},
            }
            for action, roles in _operations()
            for topic in roles
        },
        "components": {
            "messages": {_name(shape): _message(shape) for shape in shapes},
            "schemas": schemas,
        },
    }


def messages() -> dict[str, tuple[type[Any], ...]]:
    """The shapes that lie on each topic; dead letters have none of their own."""
    native: dict[str, list[type[Any]]] = {topic: [] for topic in topics.SOURCES_IN}
    for shape in SHAPES:
        home = TOPIC_OF_KIND_PREFIX.get(kind_of(shape).split(".")[0])
        if home is not None:
            native[home].append(shape)
    return {
        **{topic: tuple(shapes) for topic, shapes in native.items()},
        topics.IDENTITIES: ACTS,
        topics.CUSTOMER_EVENTS: SHAPES,
        **BODIES,
        **CONTROL,
    }


def kind_of(shape: type[Any]) -> str:
    """What tells an event's shape from the others: the value of its ``kind``."""
    return str(shape.model_fields["kind"].default)


def _operations() -> tuple[tuple[str, tuple[str, ...]], ...]:
    read = (*topics.SOURCES_IN, topics.IDENTITIES, topics.CUSTOMER_EVENTS, *topics.CONTROL)
    return (
        ("receive", read),
        ("send", (topics.CUSTOMER_EVENTS, *topics.OUTPUTS, topics.MODELS)),
    )


def _channel(topic: str, shapes: Iterable[type[Any]]) -> dict[str, Any]:
    says = SAYS.get(topic, "a source of the bank; key: the customer")
    names = [_name(shape) for shape in shapes]
    channel: dict[str, Any] = {
        "address": topic,
        "description": says,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    if topic in topics.CONTROL:
        channel["bindings"] = {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": ["compact"]},
                "bindingVersion": "0.5.0",
            }
        }
    return channel


def _message(shape: type[Any]) -> dict[str, Any]:
    name = _name(shape)
    return {
        "name": name,
        "summary": (shape.__doc__ or name).strip().splitlines()[0],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


def _schemas(shapes: Iterable[type[Any]]) -> dict[str, Any]:
    """One JSON Schema a type, those that they are made of included."""
    _, made = TypeAdapter.json_schemas(
        [(_name(shape), "validation", TypeAdapter(shape)) for shape in shapes],
        ref_template="#/components/schemas/{model}",
    )
    defined: Mapping[str, Any] = made["$defs"]
    return dict(sorted(defined.items()))


def _distinct(shapes: Iterable[type[Any]]) -> list[type[Any]]:
    return sorted(set(shapes), key=_name)


def _name(shape: type[Any]) -> str:
    return shape.__name__
