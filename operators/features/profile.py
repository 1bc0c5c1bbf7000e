"""Who the customer is to the bank: age, household, products, how long they have known each other.

Stage: 2 of 8. In: profile.updated, product.opened, product.closed. Out: memory, feature values.

Memory: ``{"facts": {name: [value, at_ms]}, "products": {product: [opened_ms, closed_ms]}, "since_ms"}``;
at most `PRODUCTS_MAX` products are held. ``since_ms`` is 0 while nothing is known.
"""

from datetime import UTC, datetime

from operators.contracts import FeatureSpec, Slot
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, ProductClosed, ProductOpened, ProfileUpdated

PRODUCTS_MAX = 32
AGE_UNKNOWN = 45.0
"""The reference age, read while the birth year is unknown: it moves no score."""


def _zero() -> Memory:
    return {"facts": {}, "products": {}, "since_ms": 0}


class Profile:
    """Facts of the contract as features, used only with consent (they gate products without it).

    Source: GDPR article 6(1)(b) for the contract; article 6(1)(a) for their use here.
    """

    slot: Slot = Slot("profile", Source.PROFILE, _zero)
    kinds: frozenset[str] = frozenset({"profile.updated", "product.opened", "product.closed"})
    specs: tuple[FeatureSpec, ...] = (
        FeatureSpec(
            name="profile.age",
            source=Source.PROFILE,
            unit="years",
            description=f"Age reached this year; {AGE_UNKNOWN:.0f} (the reference) while unknown.",
            words="your age",
            centre=AGE_UNKNOWN,
            scale=15.0,
            context=True,
            window_days=None,
            owner="customer data",
        ),
        FeatureSpec(
            name="profile.products_count",
            source=Source.PROFILE,
            unit="count",
            description="Products held now.",
            words="how many products you have with us",
            centre=2.0,
            scale=2.0,
            context=True,
            window_days=None,
            owner="customer data",
        ),
        FeatureSpec(
            name="profile.household_size",
            source=Source.PROFILE,
            unit="persons",
            description="Persons in the household; 0 while unknown.",
            words="the size of your household",
            centre=2.0,
            scale=1.5,
            window_days=None,
            owner="customer data",
        ),
        FeatureSpec(
            name="profile.relationship_days",
            source=Source.PROFILE,
            unit="days",
            description="Days since the first product or the first profile.",
            words="how long you have been with us",
            centre=1000.0,
            scale=1000.0,
            window_days=None,
            owner="customer data",
        ),
    )

    def update(
        self,
        memory: Memory,
        event: EventBase,
        *,
        now_ms: int,  # noqa: ARG002 - every group is told
    ) -> Memory:
        """Take over facts and holdings; of two statements the one with the newer time stands.

        Args:
            memory: The memory so far.
            event: A `ProfileUpdated` (fields left out stay), `ProductOpened` or `ProductClosed`.
            now_ms: Not needed: each fact carries its own time.
        """
        facts, products = memory["facts"], memory["products"]
        if isinstance(event, ProfileUpdated):
            facts = _stated(facts, event)
        elif isinstance(event, ProductOpened | ProductClosed):
            opened_ms, closed_ms = products.get(event.product, (0, 0))
            if isinstance(event, ProductOpened):
                opened_ms = max(opened_ms, event.at_ms)
            else:
                closed_ms = max(closed_ms, event.at_ms)
            products = _bounded({**products, event.product: [opened_ms, closed_ms]})
        else:
            return memory
        since_ms = min(memory["since_ms"] or event.at_ms, event.at_ms)
        return {"facts": facts, "products": products, "since_ms": since_ms}

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> memory = {"facts": {"birth_year": [1940, 0]}, "products": {"pension": [5, 0]}, "since_ms": 5}
            >>> Profile().read(memory, now_ms=5 + 2 * DAY_MS)
            (30.0, 1.0, 0.0, 2.0)
        """
        facts = memory["facts"]
        age = AGE_UNKNOWN
        if "birth_year" in facts:
            age = float(datetime.fromtimestamp(now_ms / 1000, tz=UTC).year - facts["birth_year"][0])
        held = sum(
            1 for opened_ms, closed_ms in memory["products"].values() if opened_ms > closed_ms
        )
        household = float(facts["household_size"][0]) if "household_size" in facts else 0.0
        since_ms = memory["since_ms"] or now_ms
        return (age, float(held), household, max(now_ms - since_ms, 0) / DAY_MS)


def _stated(facts: dict[str, list[int]], event: ProfileUpdated) -> dict[str, list[int]]:
    """The facts after an update; at one and the same instant the larger value stands, in any order."""
    made = dict(facts)
    for name, value in (
        ("birth_year", event.birth_year),
        ("household_size", event.household_size),
    ):
        if value is not None:
            before = made.get(name)
            if before is None or (event.at_ms, value) > (before[1], before[0]):
                made[name] = [value, event.at_ms]
    return made


def _bounded(products: dict[str, list[int]]) -> dict[str, list[int]]:
    """At most `PRODUCTS_MAX`: the product that nothing was heard of for longest goes first."""
    if len(products) > PRODUCTS_MAX:
        oldest = min(products, key=lambda name: (max(products[name]), name))
        products = {name: held for name, held in products.items() if name != oldest}
    return products
