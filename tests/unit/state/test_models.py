from hashlib import sha256

import numpy as np
import orjson
import pytest

from operators.bandits.ridge import PosteriorRidge
from operators.taste import Coholdings
from schemas.decisions import Lesson
from schemas.errors import StateError
from schemas.models import CommitteeSnapshot, IntentSnapshot, TasteSnapshot
from state.models import Snapshot, decode_model, encode_model
from tests import alternatives as cases


def taste() -> TasteSnapshot:
    """A small co-holdings model."""
    learner = Coholdings()
    learner.learn(Lesson("l-1", "holdings", "c-1", 0, holdings=("card", "pot")))
    return learner.snapshot(4)


def intents() -> IntentSnapshot:
    """A head of two intents over three-dimensional embeddings."""
    return IntentSnapshot(
        version=2,
        digest="abc",
        intents=("card_lost", "other"),
        weights=np.array([[0.1, 2.0, 3.0], [-1.0, 1e-9, 0.0]]),
        bias=np.array([0.5, -0.5]),
        sentiment=np.array([0.1, 0.2, 0.3, 0.4]),
        lessons=9,
    )


@pytest.mark.parametrize(
    ("key", "snapshot"),
    [("committee", cases.snapshot()), ("taste", taste()), ("intents", intents())],
)
def test_a_snapshot_comes_back_bit_by_bit(key: str, snapshot: Snapshot) -> None:
    """Every field and every bit of every array survives, and the same snapshot gives the same bytes."""
    written, value = encode_model(snapshot)
    again = decode_model(value)
    assert written == key
    assert type(again) is type(snapshot)
    for name in snapshot.__slots__:
        old, new = getattr(snapshot, name), getattr(again, name)
        if isinstance(old, np.ndarray):
            assert (old.shape, old.tobytes()) == (new.shape, new.tobytes())
        else:
            assert old == new
    assert encode_model(again) == (key, value)


def test_a_committee_of_the_real_size_stays_small() -> None:
    """Twenty context and fourteen action features, 64 members, 60 actions: under 400 kB."""
    ridge = PosteriorRidge(
        [f"x{i}" for i in range(20)],
        [f"a{i}" for i in range(14)],
        actions=[f"item-{i}" for i in range(60)],
    )
    assert len(encode_model(ridge.snapshot(1))[1]) < 400_000


def altered(**changes: object) -> bytes:
    """A record with some fields of its envelope changed."""
    envelope = orjson.loads(encode_model(taste())[1])
    return orjson.dumps({**envelope, **changes})


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "state.corrupt"),
        (b"[]", "state.corrupt"),
        (b'{"format":1}', "state.corrupt"),
        (encode_model(taste())[1][:-9], "state.corrupt"),
        (altered(sha256="0" * 64), "state.corrupt"),
        (altered(body={}), "state.corrupt"),
        (altered(kind="oracle"), "state.corrupt"),
        (altered(kind="committee"), "state.corrupt"),
        (altered(kind=["taste"]), "state.corrupt"),
        (altered(format=2), "state.version-too-new"),
        (altered(format="1"), "state.version-too-new"),
    ],
)
def test_bytes_that_cannot_be_trusted_are_refused(value: bytes, code: str) -> None:
    """Cut, altered, mislabelled and newer records raise, each with its code."""
    with pytest.raises(StateError) as raised:
        decode_model(value)
    assert raised.value.code == code


def test_one_changed_bit_is_seen() -> None:
    """The digest covers every parameter."""
    envelope = orjson.loads(encode_model(cases.snapshot())[1])
    theta = envelope["body"]["theta"]
    envelope["body"]["theta"] = ("B" if theta[0] == "A" else "A") + theta[1:]
    with pytest.raises(StateError, match="digest"):
        decode_model(orjson.dumps(envelope))


@pytest.mark.parametrize("parameter", [2.0**-25, 128.0])
def test_a_committee_off_its_grid_is_a_bug(parameter: float) -> None:
    """What 32 bits can't hold exactly is never written."""
    snapshot = cases.snapshot()
    theta = snapshot.theta.copy()
    theta[0, 0] = parameter
    broken = CommitteeSnapshot(
        **{n: getattr(snapshot, n) for n in snapshot.__slots__ if n != "theta"}, theta=theta
    )
    with pytest.raises(ValueError, match="grid"):
        encode_model(broken)


def test_a_committee_of_an_earlier_release_has_no_ledgers() -> None:
    """One sum was published then: it chooses as it did, and nothing is said of who gets what."""
    envelope = orjson.loads(encode_model(cases.snapshot())[1])
    for name in ("weights", "ledgers", "value"):
        del envelope["body"][name]
    envelope["sha256"] = sha256(orjson.dumps(envelope["body"])).hexdigest()
    old = decode_model(orjson.dumps(envelope))
    assert isinstance(old, CommitteeSnapshot)
    assert old.weights == (1.0, 1.0)
    assert old.ledgers.shape == old.value.shape == (2, 0)
    assert old.mean.tobytes() == cases.snapshot().mean.tobytes()
