"""A customer of a replay: what he has become, and what was said of him."""

from typing import Final

from stream_app.codec.changes import encode_line
from stream_app.domain.changes import Who
from stream_app.domain.evaluate import Outcome
from stream_app.domain.events import EVENT_TYPES, ORDER_TYPES, CustomerFacts, Event, RelationErased
from stream_app.domain.facts.notes import Raw
from stream_app.domain.facts.state import State

_TOPICS: Final[dict[str, str]] = {name: "contacts" for name in EVENT_TYPES if name not in ORDER_TYPES}


class Life:
    """A customer, what he has become, and what was said of him: (effective_at, sequence, place, line) of each."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.state: State | None = None
        self.outcome = Outcome()
        self.said: list[tuple[int, int, int, bytes]] = []

    def is_merged(self) -> bool:
        """Whether he was merged into another."""
        return self.state is not None and bool(self.state.merged_into)


def name_of(life: Life) -> tuple[str, str]:
    """The order of customers."""
    return life.who.shop_id, life.who.customer_id


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


def encode(life: Life) -> None:
    """Turn what was published of one customer into lines."""
    said, published = life.said, life.outcome.published
    for outgoing in published:
        said.append((outgoing.time_ms, outgoing.sequence, len(said), encode_line(outgoing)))
    published.clear()


def raw_of(number: int, event_type: str, text: bytes | None) -> Raw:
    """The coordinates of a line: the topic its type goes to, and its number over all files, from 0, as the offset."""
    return (_TOPICS.get(event_type, "orders"), 0, number, None, text, [])
