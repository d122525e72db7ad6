"""Classes by pareto in a replay: a first pass finds the cut-offs of every evaluation day, a second one judges by them.

What a customer is worth does not depend on his class, so the first pass is right about it; and a file has no other order than time,
so in the second everybody meets the cut-offs at the moment at which they were taken.
"""

from bisect import bisect_right
from collections.abc import Iterable

from stream_app.domain import evaluate
from stream_app.domain.dimensions.share import with_cut
from stream_app.domain.events import Event
from stream_app.domain.facts.state import NEVER, is_customer
from stream_app.domain.pareto import Cut, Sketch
from stream_app.domain.policy import Policy
from stream_app.replay.lives import Life

Sketches = dict[tuple[str, int], Sketch]
"""By shop and evaluation day."""

Cuts = dict[str, list[Cut]]
"""Of each shop, ascending by day."""


def collect(lives: Iterable[Life], policy: Policy, until_ms: int) -> Sketches:
    """What everybody was worth on each evaluation day up to `until_ms`."""
    found: Sketches = {}
    for life in lives:
        if life.state is not None:
            evaluate.advance(life.who, life.state, until_ms, policy, life.outcome)
        for _, day, value in life.outcome.valued:
            found.setdefault((life.who.shop_id, day), Sketch()).add(value)
    return found


def find_cuts(found: Iterable[Sketches], policy: Policy) -> Cuts:
    """Merge what all shards have collected, and cut; a day on which nobody was worth anything leaves the cut-offs as they were."""
    assert policy.pareto is not None
    merged: Sketches = {}
    for sketches in found:
        for name, sketch in sketches.items():
            merged.setdefault(name, Sketch()).merge(sketch)
    cuts: Cuts = {}
    for shop_id, day in sorted(merged):
        ends = merged[shop_id, day].cut_offs(policy.pareto.a_pct, policy.pareto.b_pct)
        if ends is not None:
            cuts.setdefault(shop_id, []).append(Cut(day, *ends))
    return cuts


class Versions:
    """The policy as each shop comes under it: at first without cut-offs, then with those of one evaluation after the other."""

    def __init__(self, policy: Policy, cuts: Cuts) -> None:
        self._is_cut = bool(cuts)
        self._bare: tuple[list[int], list[Policy]] = [], [policy]
        start = policy.calendar.start
        self._cut = {
            shop_id: ([start(cut.day) for cut in found], [policy, *(with_cut(policy, cut) for cut in found)])
            for shop_id, found in cuts.items()
        }
        self._places = {(shop_id, one.hash): place for shop_id, (_, all_of) in self._cut.items() for place, one in enumerate(all_of)}

    def before(self, life: Life, event: Event) -> Policy:
        """The policy to judge an event under; an event that moves no clock brings no cut-offs either."""
        state = life.state
        if not self._is_cut or state is None or not is_customer(state):
            return self.settle(life, event.time_ms)
        return self.settle(life, NEVER if evaluate.is_timeless(state, event, self._bare[1][0]) else event.time_ms)

    def settle(self, life: Life, until_ms: int) -> Policy:
        """The policy to judge a customer under up to `until_ms`; cut-offs taken by then are adopted first."""
        times, versions = self._cut.get(life.who.shop_id, self._bare)
        if not times:
            return versions[0]
        state = life.state
        if state is None or not is_customer(state):
            return versions[bisect_right(times, until_ms)]
        place = self._places[life.who.shop_id, state.policy_hash]
        while place < len(times) and times[place] <= max(until_ms, state.clock_ms):
            evaluate.adopt(life.who, state, versions[place], versions[place + 1], times[place], life.outcome)
            place += 1
        return versions[place]
