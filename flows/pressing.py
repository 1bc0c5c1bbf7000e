"""Which records go first while others wait: those that somebody waits for, and those that are likely to be answered.

Most of what a bank's log holds are small payments, which only fold into what is known of a customer. A person behind
an app, a message, a consent or an answer is there now; and it is large amounts that need a word. A look at the bytes
tells, before anything is decoded: it decides about the order of work between shards, and never about a result.
"""

import re

from flows.kafka.lanes import Pressing
from flows.records import Record

_AMOUNT = re.compile(rb'"amount_minor":\s*-?(\d{1,18})')


def pressing(small_minor: int) -> Pressing | None:
    """What presses: everything but money of less than so many minor units of its currency; None if that is 0.

    Example:
        >>> presses = pressing(10_000)
        >>> [
        ...     presses(Record("transactions", 0, 0, b"c-1", value, (), 0))
        ...     for value in (b'{"amount_minor": -950}', b'{"amount_minor":-180000}', b'{"kind":"app.opened"}')
        ... ]
        [False, True, True]
    """
    if not small_minor:
        return None

    def presses(record: Record) -> bool:
        amount = _AMOUNT.search(record.value or b"")
        return amount is None or int(amount[1]) >= small_minor

    return presses
