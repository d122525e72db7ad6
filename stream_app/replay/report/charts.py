"""Plots as SVG text: they print, scale, need no script, and name their values to a screen reader.

Points are (x, y) in data units. Every plot has axes with round numbers, a title for assistive technology, and a tooltip a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 48


@dataclass(frozen=True)
class Series:
    """A name, its points, and what a tooltip says of each."""

    name: str
    points: Sequence[tuple[float, float]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Mark:
    """A moment on the x-axis at which something happened."""

    x: float
    name: str


def round_steps(least: float, most: float, wanted: int = 6) -> list[float]:
    """About `wanted` round numbers (1, 2 or 5 times a power of ten) that span from `least` to `most`."""
    if most <= least:
        most = least + 1.0
    rough = (most - least) / wanted
    power: float = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [number * step for number in range(floor(least / step), ceil(most / step) + 1)]


class _Frame:
    """The scales of a plot and its axes."""

    def __init__(self, title: str, x_label: str, y_label: str, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._x_steps = round_steps(min(0.0, *xs), max(xs), 8)
        self._y_steps = round_steps(min(0.0, *ys), max(ys), 5)
        self._title, self._x_label, self._y_label = title, x_label, y_label

    def x(self, value: float) -> float:
        low, high = self._x_steps[0], self._x_steps[-1]
        return round(_LEFT + (value - low) / (high - low) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self._y_steps[0], self._y_steps[-1]
        return round(HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM), 1)

    def mark(self, mark: Mark) -> str:
        """A dashed line at a moment."""
        x, told = self.x(mark.x), f"<title>{escape(mark.name)}</title>"
        return f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}">{told}</line>'

    def draw(self, inside: Sequence[str]) -> str:
        """The whole plot, `inside` above the grid."""
        right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
        parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self._title)}"><title>{escape(self._title)}</title>']
        for step in self._y_steps:
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{self.y(step)}" y2="{self.y(step)}"/>')
            parts.append(f'<text class="tick" text-anchor="end" x="{_LEFT - 8}" y="{self.y(step) + 4}">{spell(step)}</text>')
        parts += [
            f'<text class="tick" text-anchor="middle" x="{self.x(step)}" y="{bottom + 18}">{spell(step)}</text>' for step in self._x_steps
        ]
        middle = (_TOP + bottom) / 2
        parts.append(f'<text class="label" text-anchor="middle" x="{(_LEFT + right) / 2}" y="{HEIGHT - 8}">{escape(self._x_label)}</text>')
        parts.append(
            f'<text class="label" text-anchor="middle" transform="translate(14 {middle}) rotate(-90)">{escape(self._y_label)}</text>'
        )
        return "\n".join([*parts, *inside, "</svg>"])


def lines(title: str, x_label: str, y_label: str, series: Sequence[Series], *, marks: Sequence[Mark] = (), dots: bool = True) -> str:
    """Connected points, a colour a series; series without points are left out. Empty text when nothing is left.

    `marks` are dashed lines from top to bottom. Without `dots`, for long series, points have no tooltips.
    """
    shown = [one for one in series if one.points]
    if not shown:
        return ""
    frame = _Frame(title, x_label, y_label, [x for one in shown for x, _ in one.points], [y for one in shown for _, y in one.points])
    inside = [frame.mark(mark) for mark in marks]
    for number, one in enumerate(shown):
        places = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in one.points)
        inside.append(f'<polyline class="line s{number}" points="{places}"/>')
        if not dots:
            continue
        notes = one.notes or [f"{spell(x)}, {spell(y)}" for x, y in one.points]
        for (x, y), note in zip(one.points, notes, strict=True):
            told = f"<title>{escape(one.name)}: {escape(note)}</title>"
            inside.append(f'<circle class="dot s{number}" cx="{frame.x(x)}" cy="{frame.y(y)}" r="4">{told}</circle>')
    return _legend(shown) + frame.draw(inside)


def bars(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """Bars that begin at their x and are as wide as the distance to the next; several series stand side by side."""
    shown = [one for one in series if one.points]
    if not shown:
        return ""
    starts = [x for x, _ in shown[0].points]
    width = min((b - a for a, b in pairwise(starts)), default=1.0)
    frame = _Frame(title, x_label, y_label, [*starts, starts[-1] + width], [y for one in shown for _, y in one.points])
    share = 0.9 * width / len(shown)
    inside = []
    for number, one in enumerate(shown):
        for x, y in one.points:
            left, top = frame.x(x + number * share + 0.05 * width), frame.y(max(y, 0.0))
            size = round(frame.x(share) - frame.x(0.0), 1), round(abs(frame.y(0.0) - frame.y(y)), 1)
            told = f"<title>{escape(one.name)}: {spell(x)}, {spell(y)}</title>"
            box = f'x="{left}" y="{top}" width="{size[0]}" height="{size[1]}"'
            inside.append(f'<rect class="bar s{number}" {box}>{told}</rect>')
    return (_legend(shown) if len(shown) > 1 else "") + frame.draw(inside)


def spell(value: float) -> str:
    """A number as a person writes it: 1 200, 0.25."""
    if float(value).is_integer():
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.4g}"


def _legend(series: Sequence[Series]) -> str:
    return '<p class="legend">' + " ".join(f'<span class="key s{i}">{escape(one.name)}</span>' for i, one in enumerate(series)) + "</p>"
