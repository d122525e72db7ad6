"""The same records give the same changes and states, wherever batches are cut (domain.md, property 2), out of order too."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.domain.policy import Fixed
from stream_app.processor.marks import Erasing
from tests.builders import DAY, at, policy
from tests.unit.processor.rig import Record, Rig, book, bought, text, told, watermark

SHOPS = [
    policy(shop=name, hash=f"{name:0>32}", default_rhythm=Fixed(days), rhythms={}, window_days=30, suppress_days=days)
    for name, days in [("a", 10), ("b", 20)]
]
ERASING = Erasing(b"the secret of these tests, no other")
Published = dict[tuple[str, bytes | None], list[bytes]]


def cut(
    log: list[Record], cuts: set[int], grace_ms: int, limit: int, restarts: bool, skips: set[int]
) -> tuple[Published, dict[str, object]]:
    """Fold a log, one unit of work up to each cut. At a cut in `skips` an input is unknown, and nothing may fire."""
    rig = Rig(book(*SHOPS), grace_ms=grace_ms, erasing=ERASING)
    ends = sorted({end for end in cuts if end < len(log)} | {len(log)})
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        bound = rig.decode(log[end : end + 1])[0].time_ms if end < len(log) else None
        if rig.work(*log[begin:end], bound=bound, limit=limit, fire=end not in skips or end == len(log)) == limit:
            rig.drain(bound, limit=limit)
        if restarts:
            rig.restart()
    published: Published = defaultdict(list)
    for output in rig.outputs:
        if output.topic != "customer-profiles":
            published[output.topic, output.key].append(output.value or b"")
    for (topic, _), values in published.items():
        if topic == "dead-letters":  # a record that is none has a key, but no customer to keep its place with
            values.sort(key=bytes)
    return published, {f"{shop}/{name}": rig.state(name, shop) for shop in "ab" for name in NAMES}


NAMES = ("x", "y", "z")
MOMENTS = st.integers(0, 60 * 4).map(lambda quarter: at(0) + quarter * DAY // 4)


@st.composite
def logs(draw: st.DrawFn, *, sort: bool) -> list[Record]:
    log = []
    for number in range(draw(st.integers(1, 12))):
        shop, name, moment = draw(st.sampled_from("ab")), draw(st.sampled_from(NAMES)), draw(MOMENTS)
        kind = draw(st.sampled_from(["order", "order", "order", "told", "cancel", "watermark", "bad", "erased"]))
        if kind == "order":
            log.append(bought(moment, name, shop, order_id=f"o-{draw(st.integers(0, 5))}"))
        elif kind == "told":
            log.append(told(moment, name, shop, f"t-{number}"))
        elif kind == "cancel":
            log.append(text("order.cancelled", moment, name, shop, order_id=f"o-{draw(st.integers(0, 5))}"))
        elif kind == "erased":
            log.append(text("customer.erased", moment, name, shop))
        elif kind == "watermark":
            log.append(watermark(moment, shop))
        else:
            log.append(Record(b"no event", b"a/x", offset=number, timestamp=moment))
    for number, record in enumerate(log):
        record.offset = number
    return sorted(log, key=lambda record: record.timestamp) if sort else log


CUTS = st.sets(st.integers(1, 12), max_size=12)


@settings(max_examples=150, deadline=None)
@given(logs(sort=False), CUTS, st.sampled_from([0, DAY, 8 * DAY]), st.booleans())
def test_cuts_and_restarts_do_not_matter_in_any_log(log: list[Record], cuts: set[int], grace_ms: int, restarts: bool) -> None:
    one_by_one = cut(log, set(range(len(log))), grace_ms, 500, False, set())
    assert cut(log, cuts, grace_ms, 500, restarts, set()) == one_by_one
    assert cut(log, set(), grace_ms, 500, False, set()) == one_by_one


@settings(max_examples=100, deadline=None)
@given(logs(sort=True), CUTS, CUTS, st.integers(1, 4), st.booleans())
def test_slices_and_waiting_do_not_matter_in_a_log_in_time_order(
    log: list[Record], cuts: set[int], skips: set[int], limit: int, restarts: bool
) -> None:
    assert cut(log, cuts | skips, 0, limit, restarts, skips) == cut(log, set(range(len(log))), 0, 500, False, set())


def sliced(log: list[Record], ends: list[tuple[int, bool]], walls: list[int], grace_ms: int, limit: int, restarts: bool) -> Published:
    """Fold a log up to each end, one unit of work each, and what is due beyond the limit whenever its turn comes.

    An end says whether the reader had nothing unread there for a moment; then the next wall clock holds.
    """
    rig = Rig(book(*LIVE), grace_ms=grace_ms)
    begin, told_times = 0, iter(walls)
    for end, idle in [*ends, (len(log), True)]:
        bound = None if idle or end == len(log) else rig.decode(log[end : end + 1])[0].time_ms
        rig.work(*log[begin:end], bound=bound, wall=next(told_times) if idle else None, limit=limit)
        begin = end
        if restarts:
            rig.restart()
    rig.drain(wall=max(walls))
    published: Published = defaultdict(list)
    for output in rig.outputs:
        if output.topic not in ("customer-profiles", "dead-letters"):
            published[output.topic, output.key].append(output.value or b"")
    return published


LIVE = [
    policy(shop=name, hash=f"{name:0>32}", clock="wall", default_rhythm=Fixed(days), rhythms={}, window_days=30)
    for name, days in [("a", 10), ("b", 20)]
]
ENDS = st.dictionaries(st.integers(1, 12), st.booleans(), max_size=12)


@settings(max_examples=300, deadline=None)
@given(
    logs(sort=False),
    ENDS,
    st.lists(MOMENTS, min_size=13, max_size=13).map(sorted),
    st.sampled_from([0, 8 * DAY]),
    st.integers(1, 3),
    st.booleans(),
)
def test_what_more_is_due_than_a_unit_fires_is_fired_as_if_it_had_been(
    log: list[Record], ends: dict[int, bool], walls: list[int], grace_ms: int, limit: int, restarts: bool
) -> None:
    cuts = sorted((end, idle) for end, idle in ends.items() if end < len(log))
    assert sliced(log, cuts, walls, grace_ms, limit, restarts) == sliced(log, cuts, walls, grace_ms, 500, False)


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_who_was_late_while_others_waited_waits_with_them_once_he_is_due(limit: int) -> None:
    # On day 25 all are due, more than a unit fires. z's own turn comes with his late order of day 5; he is due again on day 15, and
    # that has come to pass when nothing is unread any more, before his order of day 8 arrives.
    crowd = [bought(at(0), name, "a") for name in ("u", "v", "w", "x", "y", "z")]
    log = [*crowd, watermark(at(25), "a"), bought(at(5), "z", "a"), told(at(6), "x", "a"), bought(at(8), "z", "a")]
    ends = [(7, True), (8, False), (9, True)]
    published = sliced(log, ends, [at(25)] * 3, 0, limit, restarts=True)
    assert published == sliced(log, ends, [at(25)] * 3, 0, 500, restarts=False)
    assert sum(b'"to":"inactive","sequence"' in value for value in published["status-changes", b"a/z"]) == 3


@pytest.mark.parametrize("cuts", [set(), {1}, {2}, {3}, {1, 2, 3}])
def test_time_that_passed_a_deadline_in_the_midst_of_a_batch_has_fired_it(cuts: set[int]) -> None:
    # x turns inactive on day 10; when y's event of day 12 is folded and z's of day 13 is the next, that has come to pass.
    log = [bought(at(0), "x", "a"), told(at(12), "y", "a"), told(at(13), "z", "a"), bought(at(5), "x", "a")]
    published, _ = cut(log, cuts, 0, 500, False, set())
    kinds = [b'"to":"inactive","sequence"' in value for value in published["status-changes", b"a/x"]]
    assert any(kinds)


@pytest.mark.parametrize("cuts", [set(), {1}, {2}, {1, 2}])
def test_while_his_own_record_is_the_next_nothing_fires_behind_it(cuts: set[int]) -> None:
    log = [bought(at(0), "x", "a"), told(at(12), "y", "a"), bought(at(5), "x", "a"), told(at(14), "y", "a", "t-2")]
    published, _ = cut(log, cuts, 0, 500, False, set())
    assert not any(b'"to":"inactive","sequence"' in value for value in published["status-changes", b"a/x"])
