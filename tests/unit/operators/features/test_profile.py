"""Profile: facts and holdings, the newest statement of each."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from operators.features.profile import AGE_UNKNOWN, PRODUCTS_MAX, Profile
from schemas.base import DAY_MS
from schemas.customer import Memory
from tests.strategies import event

GROUP = Profile()


def fold(bodies: list[tuple[float, dict[str, Any]]]) -> tuple[Memory, int]:
    """The memory after events given as (days after the start, body), and the newest instant."""
    memory, now_ms = GROUP.slot.zero(), 0
    for index, (days, body) in enumerate(bodies):
        one = event(body, minutes=days * 1440, index=index)
        now_ms = max(now_ms, one.at_ms)
        memory = GROUP.update(memory, one, now_ms=now_ms)
    return memory, now_ms


def opened(product: str) -> dict[str, Any]:
    """The body of a product taken."""
    return {"kind": "product.opened", "product": product}


def closed(product: str) -> dict[str, Any]:
    """The body of a product given up."""
    return {"kind": "product.closed", "product": product}


def stated(**facts: int) -> dict[str, Any]:
    """The body of a profile update."""
    return {"kind": "profile.updated", **facts}


def test_an_unknown_customer_is_of_the_reference_age() -> None:
    """Without a birth year the age moves no score."""
    assert GROUP.read(GROUP.slot.zero(), now_ms=10 * DAY_MS) == (AGE_UNKNOWN, 0.0, 0.0, 0.0)
    age = GROUP.specs[0]
    assert age.centre == AGE_UNKNOWN


def test_facts_left_out_stay() -> None:
    """An update of one fact leaves the others as they were."""
    memory, now_ms = fold([(0, stated(birth_year=1990)), (3, stated(household_size=4))])
    assert GROUP.read(memory, now_ms=now_ms) == (35.0, 0.0, 4.0, 3.0)


def test_a_late_older_fact_does_not_overwrite() -> None:
    """Of two statements the one with the newer time stands, whichever came first."""
    memory, now_ms = fold([(9, stated(birth_year=1990)), (1, stated(birth_year=1909))])
    assert GROUP.read(memory, now_ms=now_ms)[0] == 35.0


def test_products_held_now() -> None:
    """A product closed after it was opened is not held; one opened again is."""
    memory, now_ms = fold([(0, opened("pension")), (1, opened("mortgage")), (2, closed("pension"))])
    assert GROUP.read(memory, now_ms=now_ms)[1] == 1
    again = GROUP.update(memory, event(opened("pension"), minutes=9 * 1440), now_ms=now_ms)
    assert GROUP.read(again, now_ms=now_ms)[1] == 2


def test_the_memory_is_bounded() -> None:
    """A hundred products keep at most the newest few."""
    memory, _ = fold([(i, opened(f"p-{i}")) for i in range(100)])
    assert len(memory["products"]) == PRODUCTS_MAX
    assert "p-99" in memory["products"]


@given(
    bodies=st.lists(
        st.tuples(
            st.integers(0, 60),
            st.one_of(
                st.builds(opened, st.sampled_from(["a", "b"])),
                st.builds(closed, st.sampled_from(["a", "b"])),
                st.builds(lambda y: stated(birth_year=y), st.integers(1950, 2000)),
                st.builds(lambda n: stated(household_size=n), st.integers(1, 6)),
            ),
        ),
        min_size=1,
        max_size=15,
    ),
    data=st.data(),
)
def test_order_does_not_matter(
    bodies: list[tuple[float, dict[str, Any]]], data: st.DataObject
) -> None:
    """Late statements count by their own time: any order gives the same memory."""
    first, now_ms = fold(bodies)
    second, _ = fold(data.draw(st.permutations(bodies)))
    assert first == second
    assert GROUP.read(first, now_ms=now_ms) == GROUP.read(second, now_ms=now_ms)
