"""The turns of one customer between active and not active, and what each counts for in its month.

A change that revokes counts for nothing itself: it takes the change it names, always the latest of the dimension, out of its month.
When it is revoked in turn, that one counts again.
"""

from typing import Final, Literal

from msgspec import Struct, field

from stream_app.domain.insights.tally import NOW, Tally

Kind = Literal["new", "lost", "won_back", "left", ""]

_FLOW: Final[dict[str, int]] = {"new": 1, "won_back": 1, "lost": -1, "left": -1}
_KEPT: Final = 2
"""A return asks for the loss before it, and nothing for what was before that."""


class Turn(Struct, array_like=True, gc=False):
    """One change of `lifecycle` that is in force; of kind "" are those between values other than active.

    Attributes:
        kind: what it counts for.
        month: in which month.
        at_ms: its `effective_at`.
        horizon_ms: of a loss, within what time a purchase makes it a false alarm.
        lag_days: of a loss, whole days since the last counting order.
        by_order: of a return, whether an order brought it about.
        alarm: of a return, the month of the loss that it shows to have been a false alarm; "" for none.
        categories: of a return, what was bought with it; likewise `groups`.
    """

    kind: Kind
    month: str
    at_ms: int
    horizon_ms: int = 0
    lag_days: int = 0
    by_order: bool = False
    alarm: str = ""
    categories: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)


def kind_of(before: str | None, after: str | None) -> Kind:
    """What a change of lifecycle counts for."""
    if after == "active":
        return "won_back" if before == "inactive" else "new"
    if before == "active":
        return "lost" if after == "inactive" else "left"
    return ""


class Turns(Struct, array_like=True, gc=False):
    """The latest turns in force, and the one that the latest change took out, if that is what it did."""

    latest: list[Turn] = field(default_factory=list)
    undone: Turn | None = None

    def take(self, turn: Turn, tally: Tally) -> None:
        """A change that revokes nothing."""
        self.undone = None
        before = self.latest[-1] if self.latest else None
        if turn.by_order and before is not None and before.kind == "lost" and turn.at_ms - before.at_ms <= before.horizon_ms:
            turn.alarm = before.month
        self.latest = [*self.latest, turn][-_KEPT:]
        _count(turn, tally, 1)

    def revoke(self, time_ms: int, tally: Tally) -> None:
        """A change, effective at `time_ms`, that revokes the latest one."""
        if self.undone is not None:
            turn, self.undone, sign = self.undone, None, 1
            self.latest.append(turn)
        elif self.latest:
            turn, sign = self.latest.pop(), -1
            self.undone = turn
        else:
            return
        _count(turn, tally, sign)
        if turn.kind:
            tally.add(turn.month, ("revoked",), -sign)
            tally.touch(turn.month, time_ms)

    def bought(self, at_ms: int, categories: list[str], groups: list[str], tally: Tally) -> None:
        """An order of this time has come: it may be the one that brought the customer back."""
        for turn in (*self.latest, *(() if self.undone is None else (self.undone,))):
            if not turn.by_order or turn.at_ms != at_ms:
                continue
            is_in_force = turn is not self.undone
            if is_in_force:
                _count_products(turn, tally, -1)
            turn.categories = sorted({*turn.categories, *categories})
            turn.groups = sorted({*turn.groups, *groups})
            if is_in_force:
                _count_products(turn, tally, 1)


def _count(turn: Turn, tally: Tally, sign: int) -> None:
    """Count a turn in its month, or take it out again."""
    if not turn.kind:
        return
    month = turn.month
    tally.add(month, (turn.kind,), sign)
    tally.add(NOW, ("flow", month), sign * _FLOW[turn.kind])
    tally.touch(month, turn.at_ms)
    if turn.kind == "lost":
        tally.add(month, ("lag_days", str(turn.lag_days)), sign)
    if turn.alarm:
        tally.add(turn.alarm, ("false_alarms",), sign)
        tally.touch(turn.alarm, turn.at_ms)
    _count_products(turn, tally, sign)


def _count_products(turn: Turn, tally: Tally, sign: int) -> None:
    for period in (turn.month, NOW):
        for name in turn.categories:
            tally.add(period, ("back_category", name), sign)
        for name in turn.groups:
            tally.add(period, ("back_group", name), sign)
