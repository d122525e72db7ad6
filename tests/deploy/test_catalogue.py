"""docs/metrics.md is what the code registers; and the number of series is bounded whatever shops and customers there are."""

import re
from itertools import product
from typing import get_args

from stream_app.domain.changes import CauseKind
from stream_app.domain.events import EVENT_TYPES
from stream_app.domain.facts.event_types import Code
from stream_app.domain.facts.state import DIMENSIONS
from stream_app.telemetry.endings import KINDS
from stream_app.telemetry.metrics import Metrics, UnitSeen
from stream_app.worker.topics import INPUTS
from tests.builders import at
from tests.deploy.monitor import CATALOGUE, NAME, catalogue, registered
from tests.unit.processor.rig import Record, Rig, bought, text, watermark

PARTITIONS = 8
SERIES_MAX = 600
"""Of one worker with eight partitions."""


def test_the_catalogue_is_what_the_code_registers() -> None:
    assert {name: (kind, labels) for name, (kind, _, labels, _) in catalogue().items()} == registered()


def test_names_say_their_units_and_counters_their_total() -> None:
    for name, (kind, unit, _, meaning) in catalogue().items():
        assert NAME.fullmatch(name)
        assert name.endswith("_total") == (kind == "counter"), name
        assert meaning.strip()
        if unit == "seconds":
            assert name.endswith("_seconds"), name


def test_every_label_is_explained() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", CATALOGUE.read_text(), re.MULTILINE))
    assert explained == {label for _, labels in registered().values() for label in labels}


def test_neither_shops_nor_customers_nor_names_that_they_choose_make_a_series() -> None:
    """A hundred shops with names of their own for everything count under the same labels as one."""
    rig = Rig()
    records: list[Record] = [Record(b"{", b"acme/c-1"), Record(None, None)]
    for n in range(100):
        shop, customer, now = f"shop-{n}", f"customer-{n}", at(n)
        line = {"sku": f"sku-{n}", "category": f"category-{n}", "quantity": 1, "total_minor": 1000}
        records += [
            bought(now, customer, shop, lines=[line]),
            text(f"type-{n}", now, customer, shop),
            text("order.placed", now, customer, shop),
        ]
        records += [text("order.placed", now, customer, shop, order_id=f"x-{n}", currency=f"X{n:02}", total_minor=1), watermark(now, shop)]
    rig.work(*records)
    counted = rig.counts()
    assert counted["events", "order.placed"] >= 100, "nothing was tried"
    bounded = {*EVENT_TYPES, *Code, *DIMENSIONS, *get_args(CauseKind)}
    assert [name for name, *labels in counted for label in labels if label not in bounded] == []
    assert len(counted) < 40


def test_everything_at_once_is_a_bounded_number_of_series() -> None:
    metrics = Metrics()
    counts: dict[tuple[str, ...], int] = {
        **{("events", name): 1 for name in EVENT_TYPES},
        **{("derived", name): 1 for name in EVENT_TYPES},
        **{("rejections", code.value): 1 for code in Code},
        **{("changes", *pair): 1 for pair in product(DIMENSIONS, get_args(CauseKind))},
        **{("turns", kind): 1 for kind in ("new", "lost", "won_back", "left")},
    }
    metrics.endings(dict.fromkeys(KINDS, 1))
    for partition in range(PARTITIONS):
        metrics.unit(UnitSeen(partition, 1, counts, 0.01, 0.02))
        metrics.timers(partition, 1, 0.0)
        metrics.restore(partition, 0)
        metrics.sweep(partition, 0)
        for topic in INPUTS:
            metrics.lag(topic, partition, 0)
    series = [sample for family in metrics.registry.collect() for sample in family.samples if not sample.name.endswith("_created")]
    assert 200 < len(series) <= SERIES_MAX
