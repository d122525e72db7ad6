"""A customer, or a family of customers who refer to each other: their events in turn, each applied to whom it concerns.

What an event means for another is applied to him right after it.
"""

from typing import Final

from stream_app.codec.marks import REPLAY_SECRET, digests_of, find_named, mark_key
from stream_app.domain import evaluate, merge
from stream_app.domain.erasure import erase, erase_along
from stream_app.domain.events import KEPT_AS_READ, CustomerErased, Event, RelationErased, RelationForgotten
from stream_app.domain.facts.notes import Mark, Raw
from stream_app.domain.ids import Who
from stream_app.domain.settle import Outcome
from stream_app.replay.evaluation import Versions
from stream_app.replay.lives import NEVER, Life, life_of, raw_of

_NOT_A_LINE: Final[Raw] = ("", 0, -1, None, None, [])


class Row:
    """Lives by customer id, all of one shop.

    Attributes:
        latest_ms: the time of the latest accepted event, or NEVER.
        erasures: how often somebody was erased.
    """

    def __init__(self, versions: Versions, watermarks: list[tuple[int, int]]) -> None:
        """`watermarks` are the shop's, by number of line, if events are applied in file order."""
        self._versions = versions
        self._watermarks = watermarks
        self._reached = 0
        self._life: Life | None = None
        self._marks: dict[bytes, Mark] = {}
        self.lives: dict[str, Life] = {}
        self.latest_ms: int = NEVER
        self.erasures = 0

    def take(self, time_ms: int, number: int, event: Event, text: bytes) -> None:
        """Apply the next event, which was line `number`."""
        while self._reached < len(self._watermarks) and self._watermarks[self._reached][0] < number:
            self._reach_all(self._watermarks[self._reached][1])
            self._reached += 1
        life = self._life
        if life is None or life.who.customer_id != event.customer_id or life.is_merged():
            life = self._life = life_of(self.lives, event)
        outcome = life.outcome
        known = len(outcome.rejected)
        is_kept = type(event.data) in KEPT_AS_READ
        self._apply(life, event, raw_of(number, event.type, text) if is_kept else _NOT_A_LINE)
        if not is_kept and len(outcome.rejected) > known:
            _complete(outcome, known, raw_of(number, event.type, text))
        is_timeless = outcome.timeless
        if outcome.derived:
            self._tell(outcome)
        is_refused = outcome.rejected and outcome.rejected[-1][1][2] == number
        if not is_refused and not is_timeless and time_ms > self.latest_ms:
            self.latest_ms = time_ms

    def _tell(self, outcome: Outcome) -> None:
        """Apply what an event means for others, and what that means again."""
        told, outcome.derived = outcome.derived, []
        for event in told:  # it grows on the way
            life = life_of(self.lives, event)
            self._apply(life, event, _NOT_A_LINE)
            told.extend(life.outcome.derived)
            life.outcome.derived = []

    def _reach_all(self, time_ms: int) -> None:
        for life in self.lives.values():
            if life.state is not None:
                evaluate.advance(life.who, life.state, time_ms, self._versions.settle(life, time_ms), life.outcome)
            elif self._marks:
                self._mark_of(life.who, time_ms)

    def _apply(self, life: Life, event: Event, raw: Raw) -> None:
        who, state, policy = life.who, life.state, self._versions.before(life, event)
        mark = self._mark_of(who, event.time_ms) if state is None and self._marks else None
        data = event.data
        if type(data) is CustomerErased:
            digests = digests_of(REPLAY_SECRET, who, state)
            made = erase(who, state, event, policy, mark, {}, digests, life.outcome)
            self.erasures += made is not None
            return self._leave_mark(life, made)
        if type(data) is RelationErased and data.until_ms is not None:
            return self._leave_mark(life, erase_along(who, state, event, data, policy, mark, life.outcome))
        if type(data) is RelationErased:
            names = () if state is None else (*state.referred, *state.referrers)
            found = find_named(REPLAY_SECRET, who.shop_id, names, {data.digest, *data.others})
            event = Event(event.type, event.id, who.shop_id, who.customer_id, event.time_ms, RelationForgotten(found))
        life.state = merge.apply(who, state, event, raw, policy, life.outcome, mark)
        if mark is not None and life.state is not None:
            del self._marks[mark_key(REPLAY_SECRET, who)]  # from here on his state knows it
        return None

    def _leave_mark(self, life: Life, mark: Mark | None) -> None:
        if mark is not None:
            self._marks[mark_key(REPLAY_SECRET, life.who)] = mark
            life.state = None

    def _mark_of(self, who: Who, time_ms: int) -> Mark | None:
        """The mark of one without a state, unless it has ended by this time."""
        key = mark_key(REPLAY_SECRET, who)
        mark = self._marks.get(key)
        if mark is not None and mark[1] <= time_ms:
            del self._marks[key]
            return None
        return mark


def _complete(outcome: Outcome, known: int, raw: Raw) -> None:
    """Give the event, if it was refused, what its dead letter shows."""
    for k in range(known, len(outcome.rejected)):
        rejected, held = outcome.rejected[k]
        if held[2] < 0:
            outcome.rejected[k] = (rejected, raw)
