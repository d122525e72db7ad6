"""The sketch of a shop's values: cut-offs by tables, and that neither order nor partitions matter."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.domain.dimensions.share import with_cut
from stream_app.domain.pareto import EXACT_MAX, Cut, ParetoClasses, Sketch, bucket_of, cut_of
from stream_app.domain.policy import Fixed, Policy
from stream_app.processor.ledgers import decode_sketch, encode_sketch
from tests.builders import Life, at, order, policy
from tests.oracle.pareto import cut_offs

VALUES = st.lists(st.integers(-5, 50) | st.integers(-(10**6), 10**12) | st.integers(1, 1 << 70), max_size=60)
WIDE = {"classes": {"A_pct": 80, "B_pct": 95}}


def sketch(*values: int) -> Sketch:
    made = Sketch()
    for value in values:
        made.add(value)
    return made


def coarse(*values: int) -> Sketch:
    """A sketch that holds buckets already."""
    made = Sketch(exact=False)
    for value in values:
        made.add(value)
    return made


@pytest.mark.parametrize(
    ("values", "percents", "expected"),
    [
        ((), (80, 95), None),
        ((0, -1, -10_000), (80, 95), None),
        ((7,), (80, 95), (7, 7)),
        ((80, 15, 5), (80, 95), (80, 15)),
        ((80, 15, 5), (79, 96), (80, 5)),
        ((79, 16, 5), (80, 95), (16, 16)),
        ((80, 15, 5, -1_000, 0), (80, 95), (80, 15)),
        ((10, 10, 10, 10), (50, 75), (10, 10)),
        ((40, 20, 20, 20), (41, 100), (20, 20)),
        ((1, 1 << 80), (80, 95), (1 << 80, 1 << 80)),
    ],
)
def test_cut_offs(values: tuple[int, ...], percents: tuple[int, int], expected: tuple[int, int] | None) -> None:
    assert sketch(*values).cut_offs(*percents) == expected


@given(VALUES, st.integers(1, 98), st.data())
def test_few_values_are_cut_exactly(values: list[int], a_pct: int, data: st.DataObject) -> None:
    b_pct = data.draw(st.integers(a_pct + 1, 100))
    assert sketch(*values).cut_offs(a_pct, b_pct) == cut_offs(values, {"classes": {"A_pct": a_pct, "B_pct": b_pct}})


@given(VALUES)
def test_many_values_are_cut_within_a_bucket(values: list[int]) -> None:
    exact, found = cut_offs(values, WIDE), coarse(*values).cut_offs(80, 95)
    assert (exact is None) == (found is None)
    for one, other in zip(exact or (), found or (), strict=True):
        assert other in values
        assert one - one // 256 - 1 < other <= one


@given(st.lists(st.tuples(VALUES, st.booleans()), min_size=3, max_size=3), st.permutations(range(3)))
def test_neither_order_nor_partitions_matter(parts: list[tuple[list[int], bool]], places: list[int]) -> None:
    made = [sketch(*values) if exact else coarse(*values) for values, exact in parts]
    left, right, other = Sketch(), Sketch(), Sketch()
    for place in range(3):
        left.merge(made[place])
    other.merge(made[1])
    other.merge(made[2])
    right.merge(made[0])
    right.merge(other)
    mixed = Sketch()
    for place in places:
        mixed.merge(decode_sketch(encode_sketch(made[place])))
    whole = sketch if all(exact or not any(value > 0 for value in values) for values, exact in parts) else coarse
    one = whole(*(value for values, _ in parts for value in values))
    assert encode_sketch(left) == encode_sketch(right) == encode_sketch(mixed) == encode_sketch(one)


@given(st.permutations([EXACT_MAX // 2, EXACT_MAX // 2, 1, 1]))
def test_a_sketch_grows_coarse_by_what_it_holds_alone(sizes: list[int]) -> None:
    first, parts = 1_000, []
    for size in sizes:
        parts.append(sketch(*range(first, first + size)))
        first += size
    merged = Sketch()
    for part in parts:
        merged.merge(part)
    assert not merged.exact
    assert encode_sketch(merged) == encode_sketch(sketch(*range(1_000, first)))


@given(st.integers(1, 1 << 80))
def test_buckets_ascend_and_are_narrow(value: int) -> None:
    width = 1 << max(0, value.bit_length() - 9)
    assert bucket_of(value) <= bucket_of(value + 1) <= bucket_of(value) + 1
    assert bucket_of(value + width) == bucket_of(value) + 1
    assert width == 1 or value // width >= 256


def rules(cut: Cut | None = None, **changes: object) -> Policy:
    bare: dict[str, object] = {
        "labels": None,
        "service_levels": None,
        "classes": None,
        "rhythms": {},
        "default_rhythm": Fixed(100),
        "window_days": 60,
    }
    made = policy(**(bare | {"horizon_days": 1, "downgrade_dwell_days": 0, "pareto": ParetoClasses(80, 95, 30), **changes}))
    return made if cut is None else with_cut(made, cut)


@pytest.mark.parametrize(
    ("cut", "total", "expected"),
    [
        (None, 1_000, None),
        (Cut(20_000, 404, 40), 1_000, "A"),
        (Cut(20_000, 405, 404), 1_000, "B"),
        (Cut(20_000, 405, 405), 1_000, "C"),
        (Cut(20_000, 1, 1), 0, "C"),
        (Cut(20_000, 1, 1), 1, "C"),
    ],
)
def test_a_value_among_the_cut_offs(cut: Cut | None, total: int, expected: str | None) -> None:
    life = Life(rules(cut)).take(order(at(0), total=total))
    assert life.now.values[2] == expected


def test_who_has_nothing_left_is_not_asked_any_more() -> None:
    """Until his next event he is worth nothing: C by all cut-offs, and no deadline for an evaluation."""
    life = Life(rules(Cut(20_000, 300, 200))).take(order(at(0), total=1_000))
    assert life.now.values[2] == "A"
    life.until(at(1_000))
    assert (life.now.values[2], life.now.deadline_ms) == ("C", None)
    days = [day for _, day, _ in life.outcome.valued]
    assert len(days) == 2
    assert all((day + 719_163) % 30 == 0 for day in days)


def test_a_hash_says_which_cut_offs() -> None:
    cut = Cut(20_000, 300, 200)
    made = rules(cut)
    assert (cut_of(made.hash), made.document_hash, cut_of(made.document_hash)) == (cut, "0" * 32, None)
    assert replace(made, version=2).document_hash == made.document_hash
