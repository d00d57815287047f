"""Figures, and the tables that show them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench.servers import NCHAN, REPLYX, SOCKET_IO, STARLETTE, TORNADO, WS

PEERS = (STARLETTE, TORNADO, WS, SOCKET_IO, NCHAN)


@dataclass(slots=True)
class Row:
    """One kind of work: what each server reached in each round. A ratio compares two servers of the same round."""

    work: str
    unit: str
    show: Callable[[float], str]
    target: str = ""
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, server: str, value: float) -> None:
        """One round's figure."""
        self.values.setdefault(server, []).append(value)

    def median(self, server: str) -> float | None:
        """The middle of the rounds, None for a server that was not measured."""
        return statistics.median(self.values[server]) if self.values.get(server) else None

    def ratio(self, peer: str) -> float | None:
        """How many times the peer's figure ours is: the middle of the rounds' ratios."""
        pairs = list(zip(self.values.get(REPLYX, []), self.values.get(peer, []), strict=False))
        return statistics.median(ours / theirs for ours, theirs in pairs) if pairs else None

    def cell(self, server: str) -> str:
        """The figure as the table shows it, with the ratio behind a peer's."""
        median = self.median(server)
        if median is None:
            return ""
        ratio = None if server == REPLYX else self.ratio(server)
        return self.show(median) if ratio is None else f"{self.show(median)} ({ratio:.1f} ×)"


def whole(value: float) -> str:
    """``12,345``, to three figures: what a second run would confirm."""
    digits = max(0, len(str(int(value))) - 3)
    return f"{round(value, -digits):,.0f}"


def tenths(value: float) -> str:
    """``3.4``."""
    return f"{value:.1f}"


def hundredths(value: float) -> str:
    """``0.34``."""
    return f"{value:.2f}"


def markdown(rows: Sequence[Row]) -> str:
    """One table; a column for each server that any row has, the ratio ours : theirs in parentheses."""
    servers = [name for name in (REPLYX, *PEERS) if any(name in row.values for row in rows)]
    lines = [["work", "unit", *servers, "target"]]
    lines += [[row.work, row.unit, *[row.cell(name) for name in servers], row.target] for row in rows if row.values]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([text[0], rule, *text[1:]])
