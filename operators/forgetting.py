"""Who taught what, so that it can be taken back: lessons by customer, packed.

Stage: 8 of 8. In: lessons as they are learnt, requests to forget. Out: the lessons to take back.

Additive learners forget exactly: what they learnt from a customer is subtracted, and what is left is what
they would be had they never seen it. That holds for every lesson that is in the models, since what the
ledger lets go of for its age leaves the models with it (`Ledger.let_go`). A learner that steps (the reader's head) can't; it is said how many
of its lessons stay until it is trained anew.
Source: GDPR articles 7(3) and 17; Cao and Yang 2015, machine unlearning by summation form.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from struct import Struct

from operators.bandits.grid import A_STEPS, X_STEPS, snap_actions, snap_context
from operators.taste import USES
from schemas.decisions import WORTH, Lesson

_HEAD = Struct("<qdddqffBBHH")
_NO_LABEL, _WORTH = 1, 2
HELD: dict[str, str] = {"holdings": "profile", USES: "app"}
"""Kinds of lessons that replace what was counted of a customer before → the source that they rest on."""


@dataclass(slots=True)
class Forgotten:
    """What a request to forget comes to.

    ``rewards`` are to be taken out of the additive sums; ``holdings`` are lessons that undo what was counted of
    the customer's products, and of the features that they use, if anything was. ``kept`` counts lessons that can't be taken back.
    ``before`` and ``after`` are all lessons of value that the customer had taught, and those that stay, in order.
    """

    rewards: list[Lesson] = field(default_factory=list)
    before: list[Lesson] = field(default_factory=list)
    after: list[Lesson] = field(default_factory=list)
    holdings: list[Lesson] = field(default_factory=list)
    kept: int = 0


class Ledger:
    """The lessons of each customer that are in the models now; about a hundred bytes each."""

    def __init__(self) -> None:
        """Nobody taught anything yet."""
        self._names: list[str] = []
        self._index: dict[str, int] = {}
        self._rewards: dict[str, list[bytes]] = {}
        self._holdings: dict[str, dict[str, tuple[str, ...]]] = {kind: {} for kind in HELD}
        self._texts: dict[str, int] = {}
        self.count = 0
        """Rewards remembered, of all customers."""

    def note(self, lesson: Lesson) -> Lesson:
        """Remember a lesson that is learnt; returns it as it is to be learnt.

        Holdings replace what this customer was counted with, whatever the lesson says was before.
        """
        who = lesson.customer
        if lesson.kind in {"reward", WORTH}:
            self._rewards.setdefault(who, []).append(self._pack(lesson))
            self.count += 1
        elif lesson.kind in HELD:
            before = self._holdings[lesson.kind].pop(who, ())
            if lesson.holdings:
                self._holdings[lesson.kind][who] = lesson.holdings
            return replace(lesson, holdings_before=before)
        else:
            self._texts[who] = self._texts.get(who, 0) + 1
        return lesson

    def forget(self, request: Lesson) -> Forgotten:
        """Let go of what a customer taught on some sources, or of everything (no sources).

        Example:
            >>> ledger = Ledger()
            >>> one = Lesson("l", "holdings", "c", 0, holdings=("card",), sources=("profile",))
            >>> ledger.note(one).holdings_before
            ()
            >>> [gone.holdings_before for gone in ledger.forget(Lesson("f", "forget", "c", 1)).holdings]
            [('card',)]
        """
        who, sources = request.customer, frozenset(request.sources)
        result = Forgotten()
        staying = []
        for packed in self._rewards.pop(who, []):
            lesson = self._unpack(packed, who)
            result.before.append(lesson)
            if not _rests_on(lesson, sources):
                result.after.append(lesson)
                staying.append(packed)
            elif lesson.kind == "reward":
                result.rewards.append(lesson)
        if staying:
            self._rewards[who] = staying
        self.count -= len(result.before) - len(staying)
        for kind, source in HELD.items():
            before = self._holdings[kind].pop(who, ()) if not sources or source in sources else ()
            if before:
                result.holdings.append(
                    Lesson(request.lesson_id, kind, who, request.at_ms, holdings_before=before)
                )
        if not sources or "messages" in sources:
            result.kept = self._texts.pop(who, 0)
        return result

    def let_go(self, before_ms: int) -> int:
        """Let go of the rewards of decisions before an instant, whose sums have left the models.

        Returns:
            How many.

        Example:
            >>> ledger = Ledger()
            >>> for at_ms in (1, 5):
            ...     _ = ledger.note(Lesson("l", "reward", "c", at_ms, context=(1.0,), action_features=(1.0,)))
            >>> ledger.let_go(5), ledger.count
            (1, 1)
        """
        gone = 0
        for who, held in list(self._rewards.items()):
            staying = [packed for packed in held if _HEAD.unpack_from(packed)[0] >= before_ms]
            gone += len(held) - len(staying)
            if staying:
                self._rewards[who] = staying
            else:
                del self._rewards[who]
        self.count -= gone
        return gone

    def _pack(self, lesson: Lesson) -> bytes:
        context = _steps(snap_context([lesson.context])[0] * X_STEPS)
        action = _steps(snap_actions([lesson.action_features])[0] * A_STEPS)
        names = [self._named(source) for source in lesson.sources]
        head = _HEAD.pack(
            lesson.at_ms,
            lesson.label,
            lesson.label_before or 0.0,
            lesson.bank,
            lesson.seen_ms,
            *lesson.stated,
            (_NO_LABEL if lesson.label_before is None else 0)
            | (_WORTH if lesson.kind == WORTH else 0),
            len(names),
            len(context),
            len(action),
        )
        said = (lesson.action, lesson.outcome, lesson.outcome_before or "")
        body = Struct(f"<{len(context) + len(action)}h{len(names) + len(said)}H")
        return head + body.pack(*context, *action, *names, *map(self._named, said))

    def _unpack(self, packed: bytes, who: str) -> Lesson:
        at_ms, label, before, bank, seen_ms, to_customer, to_bank, flag, named, dx, da = (
            _HEAD.unpack_from(packed)
        )
        body = Struct(f"<{dx + da}h{named + 3}H").unpack_from(packed, _HEAD.size)
        steps, sources, (action, outcome, before_it) = (
            body[: dx + da],
            body[dx + da : -3],
            body[-3:],
        )
        return Lesson(
            lesson_id="",
            kind=WORTH if flag & _WORTH else "reward",
            customer=who,
            at_ms=at_ms,
            action=self._names[action],
            context=tuple(step / X_STEPS for step in steps[:dx]),
            action_features=tuple(step / A_STEPS for step in steps[dx:]),
            label=label,
            label_before=None if flag & _NO_LABEL else before,
            bank=bank,
            outcome=self._names[outcome],
            outcome_before=self._names[before_it] or None,
            seen_ms=seen_ms,
            stated=(to_customer, to_bank),
            sources=tuple(self._names[i] for i in sources),
        )

    def _named(self, name: str) -> int:
        index = self._index.get(name)
        if index is None:
            index = self._index[name] = len(self._names)
            self._names.append(name)
        return index


def _rests_on(lesson: Lesson, sources: frozenset[str]) -> bool:
    """Whether a lesson rests on any of these sources; one that names none may rest on each."""
    return not sources or not lesson.sources or not sources.isdisjoint(lesson.sources)


def _steps(values: Iterable[float]) -> list[int]:
    return [int(value) for value in values]
