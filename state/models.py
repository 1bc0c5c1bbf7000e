"""Model snapshots as bytes, and back: what lies on the compacted topic ``models``.

An envelope of JSON: format, kind, version, and the SHA-256 of the body. Arrays are base64 of little-endian
numbers; parameters of the committee are 32-bit integers of 2^-24, which is exact, since they are made on
that grid. Bytes that were cut, altered or written by a newer release are refused, never guessed at.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import orjson

from schemas.errors import StateError
from schemas.models import (
    LEDGERS,
    BandHead,
    CommitteeSnapshot,
    Floats,
    ForecastSnapshot,
    IntentSnapshot,
    LogitHead,
    TasteSnapshot,
)

FORMAT = 1
STEPS = 2.0**24
Snapshot = CommitteeSnapshot | TasteSnapshot | IntentSnapshot | ForecastSnapshot
COMMITTEE, TASTE, INTENTS, FORECASTS = "committee", "taste", "intents", "forecasts"
KINDS: tuple[str, ...] = (COMMITTEE, TASTE, INTENTS, FORECASTS)
"""The keys on the topic; the newest record of a key is the model in use."""


def encode_model(snapshot: Snapshot) -> tuple[str, bytes]:
    """A snapshot as the key and the value of a record.

    Raises:
        ValueError: A parameter of a committee is off the 2^-24 grid or beyond ±127.
    """
    match snapshot:
        case CommitteeSnapshot():
            kind, body = COMMITTEE, _write_committee(snapshot)
        case TasteSnapshot():
            kind, body = TASTE, _write_taste(snapshot)
        case IntentSnapshot():
            kind, body = INTENTS, _write_intents(snapshot)
        case ForecastSnapshot():
            kind, body = FORECASTS, _write_forecasts(snapshot)
    envelope = {
        "format": FORMAT,
        "kind": kind,
        "version": snapshot.version,
        "sha256": sha256(orjson.dumps(body)).hexdigest(),
        "body": body,
    }
    return kind, orjson.dumps(envelope)


def decode_model(value: bytes) -> Snapshot:
    """The snapshot that the bytes hold.

    Raises:
        StateError: Not such bytes, altered ones, or ones of a newer release. Disposition: halt.
    """
    try:
        envelope = orjson.loads(value)
        written, kind, body = envelope["format"], envelope["kind"], envelope["body"]
        promised = envelope["sha256"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as cause:
        raise _corrupt("not a model record") from cause
    if not isinstance(written, int) or written > FORMAT:
        raise StateError(
            "state.version-too-new",
            f"a model of format {written!r}, and this release reads up to {FORMAT}",
            hint="run the release that the learner runs",
        )
    if sha256(orjson.dumps(body)).hexdigest() != promised:
        raise _corrupt("the body does not match its digest")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise _corrupt(f"no model is called {kind!r}")
    try:
        return read(body)
    except (KeyError, TypeError, ValueError, Base64Error) as cause:
        raise _corrupt(f"the body of {kind} is incomplete") from cause


def _corrupt(detail: str) -> StateError:
    return StateError("state.corrupt", detail, hint="let the learner publish its models again")


def _write_committee(snapshot: CommitteeSnapshot) -> dict[str, Any]:
    return {
        "version": snapshot.version,
        "digest": snapshot.digest,
        "context_names": snapshot.context_names,
        "action_names": snapshot.action_names,
        "actions": snapshot.actions,
        "members": len(snapshot.theta),
        "theta": _pack_fixed(snapshot.theta),
        "mean": _pack_fixed(snapshot.mean),
        "context_mean": _pack(snapshot.context_mean),
        "floor": snapshot.floor,
        "lessons": snapshot.lessons,
        "position": snapshot.position,
        "prices": snapshot.prices,
        "weights": snapshot.weights,
        "ledgers": _pack_fixed(snapshot.ledgers),
        "value": _pack(snapshot.value),
        "signs": _pack(snapshot.signs),
    }


def _read_committee(body: dict[str, Any]) -> CommitteeSnapshot:
    actions = tuple(body["actions"])
    context_names, action_names = tuple(body["context_names"]), tuple(body["action_names"])
    size = len(context_names) * len(action_names) + len(actions)
    return CommitteeSnapshot(
        version=int(body["version"]),
        digest=str(body["digest"]),
        context_names=context_names,
        action_names=action_names,
        actions=actions,
        theta=_unpack_fixed(body["theta"]).reshape(int(body["members"]), size),
        mean=_unpack_fixed(body["mean"]).reshape(size),
        context_mean=_unpack(body["context_mean"]).reshape(len(context_names)),
        floor=float(body["floor"]),
        lessons=int(body["lessons"]),
        position=str(body["position"]),
        # Snapshots of earlier releases have none of these.
        prices=tuple((str(action), float(price)) for action, price in body.get("prices", ())),
        weights=_read_weights(body.get("weights", (1.0, 1.0))),
        ledgers=_unpack_fixed(body.get("ledgers", "")).reshape(len(LEDGERS), -1),
        value=_unpack(body.get("value", "")).reshape(len(LEDGERS), -1),
        signs=_unpack(body.get("signs", "")).reshape(len(LEDGERS), -1),
    )


def _read_weights(body: Any) -> tuple[float, float]:
    customer, bank = body
    return float(customer), float(bank)


def _write_taste(snapshot: TasteSnapshot) -> dict[str, Any]:
    return {
        "version": snapshot.version,
        "digest": snapshot.digest,
        "products": snapshot.products,
        "weights": _pack(snapshot.weights),
    }


def _read_taste(body: dict[str, Any]) -> TasteSnapshot:
    products = tuple(body["products"])
    return TasteSnapshot(
        version=int(body["version"]),
        digest=str(body["digest"]),
        products=products,
        weights=_unpack(body["weights"]).reshape(len(products), len(products)),
    )


def _write_intents(snapshot: IntentSnapshot) -> dict[str, Any]:
    return {
        "version": snapshot.version,
        "digest": snapshot.digest,
        "intents": snapshot.intents,
        "weights": _pack(snapshot.weights),
        "bias": _pack(snapshot.bias),
        "sentiment": _pack(snapshot.sentiment),
        "lessons": snapshot.lessons,
    }


def _read_intents(body: dict[str, Any]) -> IntentSnapshot:
    intents = tuple(body["intents"])
    sentiment = _unpack(body["sentiment"])
    return IntentSnapshot(
        version=int(body["version"]),
        digest=str(body["digest"]),
        intents=intents,
        weights=_unpack(body["weights"]).reshape(len(intents), len(sentiment) - 1),
        bias=_unpack(body["bias"]).reshape(len(intents)),
        sentiment=sentiment,
        lessons=int(body["lessons"]),
    )


def _write_forecasts(snapshot: ForecastSnapshot) -> dict[str, Any]:
    return {
        "version": snapshot.version,
        "digest": snapshot.digest,
        "heads": {
            target: {
                "centre": _pack(head.centre),
                "scale": _pack(head.scale),
                "weights": _pack(head.weights),
                "cross": head.cross,
                "months": head.months,
                "rows": head.rows,
            }
            for target, head in snapshot.heads.items()
        },
        "bands": {
            days: {
                "location": _pack(head.location),
                "spread": _pack(head.spread),
                "errors": _pack(head.errors),
                "months": head.months,
                "rows": head.rows,
            }
            for days, head in snapshot.bands.items()
        },
        "record": {target: _pack(made.ravel()) for target, made in snapshot.record.items()},
        "lessons": snapshot.lessons,
    }


def _read_forecasts(body: dict[str, Any]) -> ForecastSnapshot:
    return ForecastSnapshot(
        version=int(body["version"]),
        digest=str(body["digest"]),
        heads={str(target): _read_head(head) for target, head in body["heads"].items()},
        bands={
            str(days): BandHead(
                location=_unpack(head["location"]),
                spread=_unpack(head["spread"]),
                errors=_unpack(head["errors"]),
                months=int(head["months"]),
                rows=int(head["rows"]),
            )
            for days, head in body["bands"].items()
        },
        record={
            str(target): _unpack(made).reshape(-1, 2) for target, made in body["record"].items()
        },
        lessons=int(body["lessons"]),
    )


def _read_head(head: dict[str, Any]) -> LogitHead:
    cross = head["cross"]
    return LogitHead(
        centre=_unpack(head["centre"]),
        scale=_unpack(head["scale"]),
        weights=_unpack(head["weights"]),
        cross=None if cross is None else int(cross),
        months=int(head["months"]),
        rows=int(head["rows"]),
    )


_READERS: dict[str, Callable[[dict[str, Any]], Snapshot]] = {
    COMMITTEE: _read_committee,
    TASTE: _read_taste,
    INTENTS: _read_intents,
    FORECASTS: _read_forecasts,
}


def _pack(array: Floats) -> str:
    return b64encode(array.astype("<f8").tobytes()).decode()


def _unpack(text: str) -> Floats:
    return np.frombuffer(b64decode(text, validate=True), dtype="<f8").astype(np.float64)


def _pack_fixed(array: Floats) -> str:
    scaled = array * STEPS
    if not (np.abs(scaled) < 2.0**31).all() or (scaled != np.rint(scaled)).any():
        message = "a parameter is off the 2^-24 grid or beyond ±127"
        raise ValueError(message)
    return b64encode(scaled.astype("<i4").tobytes()).decode()


def _unpack_fixed(text: str) -> Floats:
    scaled = np.frombuffer(b64decode(text, validate=True), dtype="<i4")
    return scaled.astype(np.float64) / STEPS
