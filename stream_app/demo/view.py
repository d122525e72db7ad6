"""The demo in a terminal: events a second, customers per status, the latest changes with their reasons, lag; and the summary."""

import time
from collections import deque
from typing import Any

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream_app.demo.observer import Change, Observer

_RATE_WINDOW_S = 3.0
_LATEST = 20
_WIDE = 105
_ABOVE = 12  # lines above the latest changes, and one below
_DIMENSIONS = ("lifecycle", "churn_risk", "winback", "class", "service_level")
_COLOURS = {
    "active": "green",
    "inactive": "red",
    "potential": "cyan",
    "low": "green",
    "medium": "yellow",
    "high": "red",
    "A": "green",
    "B": "yellow",
    "C": "red",
    "gone": "red",
    "cooling": "yellow",
    "recent": "cyan",
}


class View:
    """What is on the screen; asked for a picture a few times a second."""

    def __init__(self, address: str, console: Console) -> None:
        self._address = address
        self._console = console
        self._samples: deque[tuple[float, int]] = deque()

    def picture(self, observer: Observer) -> RenderableType:
        """The whole screen, as much of it as the terminal has room for."""
        wide = self._console.width >= _WIDE
        names = _DIMENSIONS if wide else _DIMENSIONS[:3]
        statuses = [_status(observer, name) for name in names]
        latest = _latest(observer, max(3, self._console.height - _ABOVE), wide=wide)
        return Group(self._head(observer), Columns(statuses, padding=(0, 1)), latest)

    def rate(self, observer: Observer) -> float:
        """Events applied a second, over the last few seconds."""
        now = time.monotonic()
        self._samples.append((now, observer.lag.applied))
        while len(self._samples) > 2 and now - self._samples[0][0] > _RATE_WINDOW_S:
            self._samples.popleft()
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first) if last > first else 0.0

    def _head(self, observer: Observer) -> RenderableType:
        grid = Table.grid(padding=(0, 3 if self._console.width >= _WIDE else 1))
        figures = [
            ("events/s", f"{self.rate(observer):,.0f}"),
            ("applied", f"{max(0, observer.lag.applied):,}"),
            ("lag", f"{observer.lag.records:,}"),
            ("customers", f"{observer.customers:,}"),
            ("changes", f"{observer.changes.total():,}"),
            ("dead letters", f"{observer.dead_letters.total():,}"),
        ]
        if self._console.width < _WIDE:
            del figures[1]
        grid.add_row(*(Text.assemble((value, "bold"), f" {name}") for name, value in figures))
        return Panel(grid, title="customer status", subtitle=f"Kafka at {self._address}", title_align="left", subtitle_align="right")


def _status(observer: Observer, dimension: str) -> RenderableType:
    table = Table(title=dimension, title_justify="left", show_header=False, box=None, padding=(0, 1))
    table.add_column(min_width=9)
    table.add_column(justify="right", min_width=6)
    for value, count in sorted(observer.statuses.get(dimension, {}).items()):
        table.add_row(Text(value, _COLOURS.get(value, "")), f"{count:,}")
    return table


def _latest(observer: Observer, rows: int, *, wide: bool) -> RenderableType:
    table = Table(title="latest changes", title_justify="left", box=None, padding=(0, 1 + wide, 0, 0), expand=True)
    table.add_column("effective", no_wrap=True, min_width=16 if wide else 10, style="dim")
    for name, width in (("customer", 14), ("dimension", 13), ("from", 8), ("to", 8)):
        table.add_column(name, no_wrap=True, min_width=width)
    table.add_column("why", no_wrap=True, ratio=1)
    interesting = [item for item in observer.latest if item[1].dimension in _DIMENSIONS and item[1].from_ is not None]
    for customer, change in reversed((interesting or list(observer.latest))[-min(_LATEST, rows) :]):
        table.add_row(*_row(customer, change, wide=wide))
    return table


def _row(customer: str, change: Change, *, wide: bool) -> list[RenderableType]:
    before, after = change.from_ or "-", change.to or "-"
    return [
        change.effective_at[: 16 if wide else 10].replace("T", " "),
        customer,
        change.dimension,
        Text(before, _COLOURS.get(before, "")),
        Text(after, _COLOURS.get(after, "")),
        f"{change.reason.code} ({change.cause.kind})" if wide else change.reason.code,
    ]


def print_summary(console: Console, summary: dict[str, Any]) -> None:
    """The summary for a person."""
    events = ", ".join(f"{count:,} {kind}" for kind, count in summary["events_in"].items()) or "no events"
    console.print(f"\n[bold]{events}[/] of {summary['customers']:,} customers", soft_wrap=True)
    table = Table(title="status changes", title_justify="left", box=None, padding=(0, 2))
    for name in ("dimension", "from", "to"):
        table.add_column(name)
    table.add_column("count", justify="right")
    for change in summary["changes"]:
        table.add_row(change["dimension"], change["from"] or "-", change["to"] or "-", f"{change['count']:,}")
    console.print(table)
    letters = ", ".join(f"{count} {code}" for code, count in summary["dead_letters"].items()) or "none"
    seconds = f"{summary['seconds']:.1f} s from the first record published to the last change committed"
    console.print(f"dead letters: {letters}; {seconds}", soft_wrap=True)
