"""What the customer's messages were about and how they sounded; never what they said.

Stage: 2 of 8. In: message.read (made inside decide; the text ended before). Out: memory, feature values.

Memory: ``{"at_ms", "sums": [messages, sentiment, negative, money trouble]}``, faded.
"""

from operators.contracts import FeatureSpec, Slot
from operators.features.faded import add, fade
from schemas.base import Purpose, Source
from schemas.customer import Memory
from schemas.events import EventBase, MessageRead

WINDOWS_DAYS: tuple[int, ...] = (30, 30, 30, 90)
NEGATIVE = -0.5
"""A message whose sentiment is at most this counts as negative."""
MONEY_TROUBLE = "money_trouble"
PRIOR_MESSAGES = 1.0
"""Neutral messages that everybody is thought to have sent: one angry word is not yet a mood."""


def _zero() -> Memory:
    return {"at_ms": 0, "sums": [0.0, 0.0, 0.0, 0.0]}


class Texts:
    """Messages as counts and moods.

    Source: Cohen and Strauss 2003 for fading; additive (Laplace) smoothing for the mean sentiment.
    """

    slot: Slot = Slot("text", Source.MESSAGES, _zero, ttl_days=395)
    kinds: frozenset[str] = frozenset({"message.read"})
    specs: tuple[FeatureSpec, ...] = (
        FeatureSpec(
            name="text.messages_30d",
            source=Source.MESSAGES,
            unit="count, faded over 30 days",
            description="Messages in about the last 30 days (each counts exp(-age/30 d)).",
            words="how often you wrote to us lately",
            centre=0.5,
            scale=1.5,
            window_days=30,
            owner="conversations",
        ),
        FeatureSpec(
            name="text.sentiment",
            source=Source.MESSAGES,
            unit="-1..1",
            description="Mean sentiment of the last messages, faded over 30 days, drawn towards 0.",
            words="how your last messages sounded",
            centre=0.0,
            scale=0.35,
            context=True,
            window_days=30,
            owner="conversations",
        ),
        FeatureSpec(
            name="text.negative_30d",
            source=Source.MESSAGES,
            unit="count, faded over 30 days",
            description=f"Messages with a sentiment of {NEGATIVE} or less in about the last 30 days.",
            words="messages in which you were unhappy",
            centre=0.2,
            scale=1.0,
            window_days=30,
            owner="conversations",
        ),
        FeatureSpec(
            name="text.money_trouble_90d",
            source=Source.MESSAGES,
            unit="expected count, faded over 90 days",
            description="Messages on money trouble in about the last 90 days, each by its probability.",
            words="messages in which you spoke of money worries",
            centre=0.1,
            scale=0.5,
            window_days=90,
            owner="conversations",
            purposes=frozenset({Purpose.FINANCIAL_WELLBEING, Purpose.MODEL_TRAINING}),
        ),
    )

    def update(
        self,
        memory: Memory,
        event: EventBase,
        *,
        now_ms: int,  # noqa: ARG002 - every group is told
    ) -> Memory:
        """Count one reading where its time belongs.

        Args:
            memory: The memory so far.
            event: A `MessageRead`.
            now_ms: Not needed: the reading carries its own time.
        """
        if not isinstance(event, MessageRead):
            return memory
        trouble = event.intent_probability if event.intent == MONEY_TROUBLE else 0.0
        negative = 1.0 if event.sentiment <= NEGATIVE else 0.0
        anchor_ms, sums = add(
            memory["at_ms"],
            memory["sums"],
            at_ms=event.at_ms,
            amounts=(1.0, event.sentiment, negative, trouble),
            windows_days=WINDOWS_DAYS,
        )
        return {"at_ms": anchor_ms, "sums": sums}

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> Texts().read({"at_ms": 0, "sums": [3.0, -2.0, 2.0, 0.9]}, now_ms=0)
            (3.0, -0.5, 2.0, 0.9)
        """
        messages, feeling, negative, trouble = fade(
            memory["at_ms"], memory["sums"], now_ms=now_ms, windows_days=WINDOWS_DAYS
        )
        return (messages, feeling / (messages + PRIOR_MESSAGES), negative, trouble)
