"""How much of each fault: in the whole campaign, and in the short one for CI."""

from dataclasses import dataclass, replace


@dataclass(slots=True, frozen=True)
class Scale:
    """How much of everything: ``records`` of the stream, ``times`` that the fault strikes, seconds it lasts.

    ``apart_s`` of the customers' time are between two records.
    """

    records: int
    customers: int
    times: int
    lasts_s: float = 0.0
    apart_s: float = 45.0


HALF_HOUR_S = 1_800.0
FEW = Scale(400, 30, 1, apart_s=HALF_HOUR_S)
"""A small stream over eight days, so that consents end and timers fall due in it."""
FULL: dict[str, Scale] = {
    "kill": Scale(200_000, 4_000, 200),
    "torn-wal": Scale(20_000, 1_000, 20),
    "ingest": Scale(20_000, 1_000, 20),
    "broker-restart": Scale(20_000, 1_000, 6),
    "broker-silent": Scale(10_000, 1_000, 2, 30.0),
    "disk-full": Scale(20_000, 1_000, 2),
    "clock": Scale(20_000, 1_000, 20),
    "disk-lost": Scale(20_000, 1_000, 6),
    "rescale": Scale(40_000, 2_000, 1),
    "worker-lost": Scale(20_000, 1_000, 1),
    "worker-paused": Scale(20_000, 1_000, 4, 5.0),
}
SHORT: dict[str, Scale] = {
    "kill": Scale(800, 60, 3, apart_s=HALF_HOUR_S),
    "torn-wal": FEW,
    "ingest": FEW,
    "broker-restart": FEW,
    "broker-silent": replace(FEW, lasts_s=2.0),
    "clock": FEW,
    "disk-lost": FEW,
    "rescale": FEW,
    "worker-paused": replace(FEW, lasts_s=3.0),
}
