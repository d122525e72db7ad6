"""What the product is measured on."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.history import write_history
from benchmarks.place import say
from stream_app.demo.dataset import events_file
from stream_app.demo.run import POLICY as DEMO_POLICY
from stream_app.settings import load_settings

POLICY = Path(__file__).parents[1] / "policy.yaml"
EVENTS_PER_CUSTOMER = 20


class Input(NamedTuple):
    """A history, its policy, and how many events it has."""

    name: str
    what: str
    history: Path
    policy: Path
    events: int


def complete_journey() -> Input:
    """The demo's year of real purchases, under the demo's policy, which switches on every dimension, too."""
    history = events_file("completejourney", load_settings().cache_dir, say)
    with history.open("rb") as lines:
        events = sum(1 for _ in lines)
    return Input("complete_journey", "The Complete Journey: baskets of 9 lines, 67 events a customer", history, DEMO_POLICY, events)


def synthetic(folder: Path, events: int, customers: int | None = None) -> Input:
    """A shop whose customers buy so seldom that nearly every event is a change, under benchmarks/policy.yaml."""
    customers = customers or max(1, events // EVENTS_PER_CUSTOMER)
    history = folder / f"history-{events}-{customers}.jsonl"
    write_history(history, events, customers)
    what = f"orders of 1 to 3 lines, {events / customers:.0f} events a customer, about one publication an event"
    return Input("synthetic", what, history, POLICY, events)


def live_policy(folder: Path) -> Path:
    """benchmarks/policy.yaml for a shop that lives by the wall clock."""
    policy = folder / "live.yaml"
    policy.write_text(POLICY.read_text(encoding="utf-8").replace("clock: events", "clock: wall"), encoding="utf-8")
    return policy


def silence_policy(folder: Path) -> Path:
    """A customer is inactive a day after the last order; the wall clock tells."""
    policy = folder / "silence.yaml"
    policy.write_text("shop: bench\ncurrency: EUR\nclock: wall\nrhythm:\n  default: {method: fixed, days: 1}\n", encoding="utf-8")
    return policy
