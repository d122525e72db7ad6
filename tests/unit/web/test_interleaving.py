"""However far one topic is read ahead of the other, and whenever it is settled, an erasure and a new life end the same."""

import random
from pathlib import Path

import pytest

from stream_app.feed import Batch
from stream_app.web.history.database import Database
from stream_app.web.history.filling import take_in
from tests.unit.web.records import Log
from tests.unit.web.test_filling import everything


def two_lives() -> Log:
    log = Log()
    for sequence, (before, after) in enumerate([(None, "active"), ("active", "inactive")], 1):
        log.changed("c", sequence, "lifecycle", before, after, day=sequence)
        log.profiled("c", sequence, {"lifecycle": after}, day=sequence)
    log.erased("c", 5)
    log.gone("c")
    for sequence, (before, after) in enumerate([(None, "active"), ("active", "inactive"), ("inactive", "active")], 1):
        log.changed("c", sequence, "lifecycle", before, after, day=5 + sequence)
        log.profiled("c", sequence, {"lifecycle": after}, day=5 + sequence)
    return log


@pytest.mark.parametrize("seed", [*range(15), 144])  # 144: an old profile is read after the receipt, and the tombstone before the rest
def test_any_interleaving_of_the_topics_ends_the_same(tmp_path: Path, seed: int) -> None:
    whole, cut = Database("", tmp_path / "whole"), Database("", tmp_path / "cut")
    two_lives().into(whole)
    chance, log = random.Random(seed), two_lives()
    left = {name: [one for one in log.records if one.partition[0] == name] for name in ("status-changes", "customer-profiles")}
    while any(left.values()):
        records = []
        for name, waiting in left.items():
            number = chance.randrange(4)
            records += waiting[:number]
            left[name] = waiting[number:]
        take_in(cut, Batch(records, {one.partition: one.offset + 2 for one in records}), {})
        if chance.random() < 0.2:
            take_in(cut, Batch([], {}, caught_up=True), {})
    take_in(cut, Batch([], {}, caught_up=True), {})
    found, expected = everything(cut), everything(whole)
    for same in ("changes", "profiles", "counts", "flows", "shops", "receipts", "farewells"):
        assert found[same] == expected[same]
    whole.close()
    cut.close()
