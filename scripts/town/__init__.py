"""A simulated town of bank customers: it lives, answers offers by a known truth, and keeps exact books."""

from scripts.town.stage import Emitted, Faults
from scripts.town.town import START, Town

__all__ = ["START", "Emitted", "Faults", "Town"]
