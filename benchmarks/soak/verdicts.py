"""What a soak must show, as verdicts that can fail. Pure: series and lists in, verdicts out.

Flatness is judged by the median of the slopes between all pairs of samples (Theil and Sen), which no burst or restart can bend: its
rise over the stretch is compared with a limit. Memory of a process that began a moment ago always grows, so the first part of a life
is left out, and short lives are compared with each other, at the same age.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

_POINTS_MAX = 300

Series = Sequence[tuple[float, float]]
"""(seconds, value), in order of time."""


class Verdict(NamedTuple):
    """What was asked, the answer, and the figures: `figure` may be `limit` at most."""

    what: str
    is_held: bool
    figure: float
    limit: float
    detail: str = ""


class Allowed(NamedTuple):
    """How much a series may rise over the stretch that is judged: so much, or so many percent of its median, whatever is more."""

    rise: float
    pct: float = 0.0


def slope(series: Series) -> float:
    """The median of the slopes between all pairs of points, a second; of long series every n-th point."""
    step = -(-len(series) // _POINTS_MAX)
    points = series[::step] if step > 1 else series
    slopes = [(y - x_y) / (x - x_x) for place, (x, y) in enumerate(points) for x_x, x_y in points[:place] if x > x_x]
    return median(slopes) if slopes else 0.0


def flat(what: str, series: Series, allowed: Allowed, least_s: float) -> Verdict:
    """Whether a series does not rise. One that is shorter than `least_s` proves nothing, and that is a failure."""
    spans = series[-1][0] - series[0][0] if series else 0.0
    if spans < least_s:
        return Verdict(what, False, 0.0, 0.0, f"only {spans:.0f} s could be judged, and {least_s:.0f} are needed")
    middle = median(value for _, value in series)
    limit = max(allowed.rise, middle * allowed.pct / 100)
    rise = slope(series) * spans
    return Verdict(what, rise <= limit, round(rise, 2), round(limit, 2), f"over {spans:.0f} s around {middle:.6g}")


def second_part(series: Series, warm_up: float = 0.5) -> Series:
    """A series without its first part, by time."""
    if not series:
        return series
    first, last = series[0][0], series[-1][0]
    return [point for point in series if point[0] >= first + (last - first) * warm_up]


def beside(series: Series, parts: Mapping[float, float]) -> Series:
    """A series without the most that a part of it, by time, has come to: what the part gives back need not leave the whole."""
    found, most = [], 0.0
    for at, value in series:
        most = max(most, parts.get(at, 0.0))
        found.append((at, value - most))
    return found


def alike(what: str, lives: Sequence[Series], ages_s: tuple[float, float], allowed: Allowed) -> Verdict:
    """Whether later lives of a process, between two ages, need no more than its first ones: each is its median there."""
    first_s, last_s = ages_s
    known = [[value for at, value in life if first_s <= at - life[0][0] < last_s] for life in lives if life]
    medians = [median(values) for values in known if values]
    if len(medians) < 2:
        return Verdict(what, False, 0.0, 0.0, f"only {len(medians)} lives reached an age of {first_s:.0f} s")
    rise = slope([(float(number), value) for number, value in enumerate(medians)]) * (len(medians) - 1)
    limit = max(allowed.rise, median(medians) * allowed.pct / 100)
    shown = ", ".join(f"{value:.6g}" for value in medians)
    return Verdict(
        what, rise <= limit, round(rise, 2), round(limit, 2), f"{len(medians)} lives at {first_s:.0f} to {last_s:.0f} s: {shown}"
    )


def rests(within_s: float, strikes: Mapping[str, float | None]) -> Verdict:
    """Whether the lag was 0 again in time after each strike; `strikes` are how long it took, None where it did not."""
    late = [name for name, took in strikes.items() if took is None or took > within_s]
    longest = max((took for took in strikes.values() if took is not None), default=0.0)
    detail = f"not after: {', '.join(late)}" if late else f"{len(strikes)} strikes"
    return Verdict("seconds from the end of a strike to lag 0", bool(strikes) and not late, round(longest, 1), within_s, detail)


def none_of(what: str, complaints: Sequence[str], seen: int) -> Verdict:
    """Whether there is nothing to complain about, of `seen` things that were looked at; of none nothing is proved."""
    detail = "nothing was looked at" if not seen else " | ".join(complaints[:4])
    return Verdict(what, bool(seen) and not complaints, len(complaints), 0, detail or f"of {seen:,}")
