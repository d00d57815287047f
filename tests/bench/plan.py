"""How much is measured: enough for steady figures in minutes, or the large numbers with ``--full``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of one bench. ``rounds`` repeats every comparison; its servers take turns within a round."""

    rounds: int = 3
    sends: int = 4_000
    subscribers: tuple[int, ...] = (1_000,)
    deliveries: int = 120_000  # per run of a broadcast: messages times subscribers
    pace_s: int = 2
    idle: int = 2_000
    returning: int = 2_000
    small: int = 1_000
    large: int = 200_000


QUICK = Plan()
FULL = Plan(
    rounds=5,
    sends=20_000,
    subscribers=(1_000, 10_000),
    deliveries=1_000_000,
    pace_s=10,
    returning=10_000,
    large=1_000_000,
)
