"""A customer of a replay: what he has become, and what was said of him."""

from stream_app.codec.changes import encode_line
from stream_app.domain.changes import Who
from stream_app.domain.evaluate import Outcome
from stream_app.domain.events import Event
from stream_app.domain.facts.state import State


class Life:
    """A customer, what he has become, and what was said of him: (effective_at, sequence, place, line) of each."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.state: State | None = None
        self.outcome = Outcome()
        self.said: list[tuple[int, int, int, bytes]] = []


def name_of(life: Life) -> tuple[str, str]:
    """The order of customers."""
    return life.who.shop_id, life.who.customer_id


def life_of(lives: dict[str, Life], event: Event) -> Life:
    """The life of the one whose event this is; it begins here, if he was not met before."""
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
