"""What in a new contract breaks who lives by the old one.

Writers of what we read must not find a new demand; readers of what we write must not miss a promise. So a field
that is gone always breaks; one that is required now breaks writers, one that may be missing now breaks readers.
Source: the compatibility levels «backward» and «forward» of Confluent's schema registry.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
PROSE = frozenset({"title", "description", "default", "examples", "required", "properties"})
"""What a schema may say otherwise without another meaning; fields are looked at one by one."""
INTERNAL = frozenset({"customer-events"})
"""Written and read by the system alone: old records must stay readable, new ones need no old reader."""


def breaks(old: Document, new: Document) -> list[str]:
    """Each break in words, in the order of the old document; none if both sides can go on.

    Example:
        >>> was = {"channels": {"offers": {"messages": {}}}, "operations": {}, "components": {"schemas": {}}}
        >>> breaks(was, was | {"channels": {}})
        ['topic offers is gone']
    """
    return list(_breaks(old, new))


def major(document: Document) -> int:
    """The first number of a contract's version."""
    return int(str(document["info"]["version"]).partition(".")[0])


def _breaks(old: Document, new: Document) -> Iterator[str]:
    for topic, channel in old["channels"].items():
        now = new["channels"].get(topic)
        if now is None:
            yield f"topic {topic} is gone"
            continue
        for name in channel["messages"]:
            if name not in now["messages"]:
                yield f"topic {topic} carries no {name} any more"
    read, written = _reached(old, "receive"), _reached(old, "send")
    for name, schema in old["components"]["schemas"].items():
        now = new["components"]["schemas"].get(name)
        if now is not None:
            yield from _changes(name, schema, now, read=name in read, written=name in written)


def _changes(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], *, read: bool, written: bool
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for field in before:
        if field not in after:
            yield f"{name}.{field} is gone"
    must, must_now = set(old.get("required", ())), set(new.get("required", ()))
    if read:
        for field in sorted(must_now - must):
            yield f"{name}.{field} is required now: who writes it not is refused"
    if written:
        for field in sorted((must - must_now) & after.keys()):
            yield f"{name}.{field} may be missing now: who reads it relies on it"
    for field in before.keys() & after.keys():
        if not _fits(before[field], after[field], read=read, written=written):
            yield f"{name}.{field} means something else now"
    if not _fits(_meaning(old), _meaning(new), read=read, written=written):
        yield f"{name} means something else now"


def _fits(old: Any, new: Any, *, read: bool, written: bool) -> bool:
    """Whether a part of a schema still takes what was taken and gives what was given."""
    was, now = _choices(_meaning(old)), _choices(_meaning(new))
    return (not read or was <= now) and (not written or now <= was)


def _choices(meaning: Any) -> frozenset[str]:
    """The alternatives that a schema lists; one that lists none is an alternative itself."""
    if not isinstance(meaning, Mapping):
        return frozenset({repr(meaning)})
    if "enum" in meaning or "const" in meaning:
        return frozenset(map(repr, meaning.get("enum", [meaning.get("const")])))
    if meaning.keys() == {"anyOf"}:
        return frozenset(repr(one) for one in meaning["anyOf"])
    return frozenset({repr(meaning)})


def _meaning(schema: Any) -> Any:
    """A schema without its prose, all the way down."""
    if isinstance(schema, Mapping):
        return {key: _meaning(value) for key, value in sorted(schema.items()) if key not in PROSE}
    if isinstance(schema, list):
        return [_meaning(one) for one in schema]
    return schema


def _reached(document: Document, action: str) -> frozenset[str]:
    """The schemas that lie on topics with this action, those inside others included."""
    open_ = [
        name
        for operation in document["operations"].values()
        if operation["action"] == action
        for topic in [operation["channel"]["$ref"].rpartition("/")[2]]
        if action == "receive" or topic not in INTERNAL
        for name in document["channels"][topic]["messages"]
    ]
    found: set[str] = set()
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += _refs(document["components"]["schemas"].get(name, {}))
    return frozenset(found)


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for value in schema.values():
            yield from _refs(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _refs(value)
