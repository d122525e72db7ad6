"""Histories for hypothesis: few customers, few events, everything that the rules know.

A story is built by the oracle's teller from one drawn number; what is left out, doubled or moved is drawn event by event,
so that a failing example shrinks to the events that matter.
"""

from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.oracle.days import DAY, parse_ms
from tests.oracle.histories import History, Teller
from tests.oracle.policies import by_pareto, policy

Raw = dict[str, Any]
BEGIN = parse_ms("2018-02-10T00:00:00Z")


@st.composite
def stories(
    draw: st.DrawFn,
    *,
    customers: int = 1,
    contradict: bool = False,
    dwell: bool = True,
    wide: bool = False,
    related: bool = False,
    weighed: bool = False,
) -> History:
    """A history in time order (ties: orders before contacts, as the worker merges them), with the policy for it.

    `related` customers refer each other, else nobody that there is; of `weighed` ones the classes may be by pareto.
    """
    rng = Random(draw(st.integers(0, 1 << 32)))
    document = policy(rng, dwell=dwell, wide=wide)
    if weighed and not draw(st.integers(0, 3)):
        document = by_pareto(rng, document, days=(7, 30, 91))
    document["clock"] = "events"
    document["horizons"].pop("ledger_orders", None)  # beyond that limit the order of arrival may matter
    events: list[Raw] = []
    names = tuple(f"c-{number}" for number in range(customers))
    for name in names:
        teller = Teller(rng, document, "acme", name, contradict, BEGIN, peers=names if related else ())
        teller.story(rng.randint(1, 14), faults=False)
        events += [raw for _, raw in teller.told]
    kept = [raw for raw in events if draw(st.booleans()) or draw(st.booleans())] or events[:1]
    return History(in_time_order(kept), document)


def in_time_order(events: list[Raw]) -> list[Raw]:
    """As one partition of the worker reads them."""
    return sorted(events, key=lambda raw: (parse_ms(raw["time"]), topic_of(raw) != "orders"))


def topic_of(raw: Raw) -> str:
    """The topic an event belongs to."""
    return "orders" if raw["type"].startswith(("order.", "payment.", "watermark")) else "contacts"


def end_of(events: list[Raw], days: int = 0) -> int:
    """The time of the latest event, and so many days more."""
    return max(parse_ms(raw["time"]) for raw in events) + days * DAY


@st.composite
def mixtures(draw: st.DrawFn, events: list[Raw]) -> list[Raw]:
    """The events in any order, some of them twice or more."""
    again = draw(st.lists(st.sampled_from(events), max_size=6))
    return draw(st.permutations(events + again))
