"""A worker whose wall clock leaps: `python -m scripts.campaign.jumping FLOW …` is `python -m flows FLOW …`.

Every fifth of a second the clock shows another day, up to thirty before or after the true one. What is
measured by the monotonic clock goes on as it should, as on a machine whose clock is set.
"""

import random
import sys
import time

LEAP_EVERY_S = 0.2
LEAP_MS_MAX = 30 * 86_400_000
_true_ns = time.time_ns


def leaping_ns() -> int:
    """The time that this machine's clock pretends, nanoseconds since 1970."""
    turn = int(time.monotonic() / LEAP_EVERY_S)
    return _true_ns() + random.Random(turn).randint(-LEAP_MS_MAX, LEAP_MS_MAX) * 1_000_000


def main() -> int:
    """Run the flow under such a clock."""
    time.time_ns = leaping_ns
    time.time = lambda: leaping_ns() / 1e9
    from flows.run import main as run  # noqa: PLC0415 - what it imports must find this clock

    return run()


if __name__ == "__main__":
    sys.exit(main())
