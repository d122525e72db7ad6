"""A customer of a replay: what he has become, and what was said of him."""

from typing import Final

from stream_app.codec.changes import encode_line
from stream_app.domain.events import EVENT_TYPES, ORDER_TYPES, CustomerFacts, Event, RelationErased
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import State
from stream_app.domain.ids import Who
from stream_app.domain.settle import Outcome
from stream_app.replay.piles import Entry

NEVER: Final = -1
_TOPICS: Final[dict[str, str]] = {name: "contacts" for name in EVENT_TYPES if name not in ORDER_TYPES}


class Life:
    """A customer, and what he has become. `name` sorts as shop and customer do; `said` counts what was encoded of him."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.name = f"{who.shop_id}\x00{who.customer_id}"  # neither may hold a control character
        self.state: State | None = None
        self.outcome = Outcome()
        self.said = 0

    def is_merged(self) -> bool:
        """Whether he was merged into another."""
        return self.state is not None and bool(self.state.merged_into)


class Watermarks:
    """The accepted watermarks of all shops, by number of line."""

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[int, int]]] = {}

    def add(self, number: int, shop_id: str, time_ms: int) -> None:
        """The next one; one that is known is passed over."""
        known = self._of.setdefault(shop_id, [])
        if not known or known[-1][0] < number:
            known.append((number, time_ms))

    def of(self, shop_id: str, until_ms: int | None) -> list[tuple[int, int]]:
        """Numbers and times of a shop's, those later than `until_ms` left out."""
        known = self._of.get(shop_id, [])
        return known if until_ms is None else [watermark for watermark in known if watermark[1] <= until_ms]

    def latest_ms(self) -> int:
        """The time of the latest, or NEVER."""
        return max((time_ms for known in self._of.values() for _, time_ms in known), default=NEVER)


def life_of(lives: dict[str, Life], event: Event) -> Life:
    """The life of the one whose event this is; it begins here, if he was not met before. One who was merged is the other."""
    life, data = _named(lives, event), event.data
    if type(data) is CustomerFacts or (type(data) is RelationErased and data.until_ms is not None):
        return life
    while life.state is not None and life.state.merged_into:
        if life.state.mark is not None and event.time_ms <= life.state.mark[0]:
            break  # it is dropped, as all from before an erasure
        life = lives[life.state.merged_into]
        event.customer_id = life.who.customer_id
    return life


def _named(lives: dict[str, Life], event: Event) -> Life:
    life = lives.get(event.customer_id)
    if life is None:
        life = lives[event.customer_id] = Life(Who(event.shop_id, event.customer_id))
    return life


def encode(life: Life, entries: list[Entry]) -> int:
    """Turn what was published of one customer into lines, as they sort; returns their bytes."""
    published, name, said, size = life.outcome.published, life.name, life.said, 0
    for outgoing in published:
        line = encode_line(outgoing)
        entries.append((outgoing.time_ms, name, outgoing.sequence, said, line))
        said += 1
        size += len(line)
    life.said = said
    published.clear()
    return size


def raw_of(number: int, event_type: str, text: bytes | None) -> Raw:
    """The coordinates of a line: the topic its type goes to, and its number over all files, from 0, as the offset."""
    return (_TOPICS.get(event_type, "orders"), 0, number, None, text, [])
