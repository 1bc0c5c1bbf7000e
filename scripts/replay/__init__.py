"""Real histories as native events, from files that the user has: nothing of them is shipped."""

from scripts.replay.berka import ReplayError, berka

__all__ = ["ReplayError", "berka"]
