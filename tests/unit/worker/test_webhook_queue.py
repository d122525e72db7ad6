"""The queue of one endpoint, with a clock and an endpoint of ours: order, patience, and that nobody waits for another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.worker.webhooks.queue import DOWN_AFTER, READ_MAX, Event, Place, Queue
from stream_app.worker.webhooks.retries import Kept, digest, gone_key
from stream_app.worker.webhooks.schedule import EVENT_DELAYS_MS, PROBE_DELAYS_MS, event_delay_ms, probe_delay_ms
from tests.unit.worker.webhook_world import ENDPOINT_FAULT, EVENT_FAULT, HOUR_MS, TAKEN, World, event, in_order


@pytest.mark.parametrize(("attempts", "asked_ms", "delay_ms"), [
    (1, 0, 5_000), (2, 0, 300_000), (3, 0, 1_800_000), (9, 0, 24 * HOUR_MS), (10, 0, None),
    (1, 60_000, 60_000), (2, 60_000, 300_000), (1, 999 * HOUR_MS, 24 * HOUR_MS), (10, 60_000, None),
])  # fmt: skip
def test_an_event_waits_by_the_schedule_of_the_standard(attempts: int, asked_ms: int, delay_ms: int | None) -> None:
    assert event_delay_ms(attempts, asked_ms) == delay_ms


@pytest.mark.parametrize(("probes", "asked_ms", "delay_ms"), [(1, 0, 5_000), (4, 0, 300_000), (99, 0, 300_000), (99, HOUR_MS, HOUR_MS)])
def test_an_endpoint_that_is_down_is_tried_every_five_minutes(probes: int, asked_ms: int, delay_ms: int) -> None:
    assert probe_delay_ms(probes, asked_ms) == delay_ms


def test_an_endpoint_that_fails_for_an_hour_gets_everything_once_it_is_back_in_order() -> None:
    every_ms = 1_000
    customers = 200
    published = [event(n, f"c{n % customers}") for n in range(HOUR_MS // every_ms)]
    world = World([], lambda _, now_ms: ENDPOINT_FAULT if now_ms < HOUR_MS else TAKEN)
    waiting_max = 0
    for one in published:
        world.published.append(one)
        world.run(one.place[2] * every_ms)
        waiting_max = max(waiting_max, world.queue.waiting)
    assert world.received == []
    assert world.queue.is_down
    assert world.attempts < DOWN_AFTER + 1 + 3 + HOUR_MS // PROBE_DELAYS_MS[-1], "a dead endpoint is left alone"
    assert waiting_max < READ_MAX + 100 < len(published), "what it has still to get stays where it is published"
    world.run(2 * HOUR_MS)
    assert [one.place[2] for _, one in sorted(world.received, key=lambda pair: pair[1].place)] == list(range(len(published)))
    assert in_order(world)
    assert world.given_up == []
    assert max(at_ms for at_ms, _ in world.received) <= HOUR_MS + PROBE_DELAYS_MS[-1]
    assert (world.kept, world.queue.waiting, world.committed) == ({}, 0, {"status-changes": len(published)})


@pytest.mark.parametrize("fault", [EVENT_FAULT, ENDPOINT_FAULT])
def test_nobody_waits_for_a_customer_whose_event_is_refused(fault: str) -> None:
    published = [event(n, f"c{n % 50}") for n in range(500)]
    world = World(published, lambda one, _: fault if one.customer == b"c7" else TAKEN)
    world.run(0)
    assert len(world.received) == 490
    assert {at_ms for at_ms, _ in world.received} == {0}
    assert (world.committed, len(world.kept)) == ({"status-changes": 500}, 10), "what waits is parked, and holds no position up"


def test_an_event_that_is_always_refused_is_given_up_after_three_days_and_the_next_goes() -> None:
    world = World([event(0), event(1)], lambda one, _: EVENT_FAULT if one.place[2] == 0 else TAKEN)
    world.run(sum(EVENT_DELAYS_MS) - 1)
    assert (world.given_up, world.received) == ([], [])
    world.run(sum(EVENT_DELAYS_MS))
    assert ([one.place[2] for one in world.given_up], [one.place[2] for _, one in world.received]) == ([0], [1])
    assert (world.attempts, world.kept) == (len(EVENT_DELAYS_MS) + 2, {})


def test_the_schedule_outlives_the_process() -> None:
    world = World([event(0), event(1)], lambda _, now_ms: EVENT_FAULT if now_ms < HOUR_MS else TAKEN)
    world.run(60_000)
    assert world.attempts == 2
    world.start()
    assert world.queue.next_ms() == 5_000 + 300_000
    world.begin()
    assert world.flying == []
    world.run(2 * HOUR_MS + 3 * HOUR_MS)
    assert [one.place[2] for _, one in world.received] == [0, 1]


def test_customers_who_are_refused_do_not_keep_an_endpoint_down_for_others() -> None:
    poisoned = {b"c0", b"c1", b"c2", b"c3"}
    world = World([event(n, f"c{n}") for n in range(4)], lambda one, _: ENDPOINT_FAULT if one.customer in poisoned else TAKEN)
    world.run(HOUR_MS)
    assert world.queue.is_down
    world.published.append(event(4, "healthy"))
    world.run(HOUR_MS + PROBE_DELAYS_MS[-1])
    assert [one.customer for _, one in world.received] == [b"healthy"]
    assert not world.queue.is_down


def test_what_was_on_its_way_when_an_endpoint_went_down_makes_no_probe_later() -> None:
    queue = Queue(8)
    for n in range(8):
        queue.take(event(n, f"c{n}"))
    for waiting in queue.due(0):
        queue.failed(waiting, 0, endpoint_fault=True)
    assert queue.next_ms() == PROBE_DELAYS_MS[0]
    for probes in (1, 2, 3, 3):
        now_ms = queue.next_ms()
        assert now_ms is not None
        (waiting,) = queue.due(now_ms)
        assert queue.next_ms() is None
        queue.failed(waiting, now_ms, endpoint_fault=True)
        assert queue.next_ms() == now_ms + PROBE_DELAYS_MS[probes]


def test_who_has_waited_for_the_endpoint_goes_on_when_it_is_back() -> None:
    queue = Queue()
    queue.take(event(0, "long"))
    for now_ms in (0, 5_000, 305_000):
        (waiting,) = queue.due(now_ms)
        queue.failed(waiting, now_ms, endpoint_fault=True)
    queue.take(event(1, "a"))
    queue.take(event(2, "b"))
    for waiting in queue.due(310_000):
        queue.failed(waiting, 310_000, endpoint_fault=True)
    assert queue.is_down
    (probe,) = queue.due(315_000)
    assert probe.event.customer == b"a"
    queue.delivered(probe, 315_000)
    assert {waiting.event.customer for waiting in queue.due(315_000)} == {b"b", b"long"}, "and not in half an hour"


def test_what_comes_behind_a_parked_event_is_parked_too() -> None:
    world = World([event(0)], lambda _, now_ms: EVENT_FAULT)
    world.run(0)
    world.published.append(event(1))
    world.run(0)
    assert (len(world.kept), world.committed) == (2, {"status-changes": 2})


def test_who_is_gone_is_known_by_the_url_that_said_so_until_it_is_enabled() -> None:
    kept = Kept()
    url = "https://hooks.example.com/token"
    kept.take("crm", gone_key("crm"), digest(url), ())
    kept.take("crm", gone_key("other"), None, ())
    assert kept.gone == digest(url) != digest(url + "2")
    assert b"token" not in digest(url)
    kept.take("crm", gone_key("crm"), None, ())
    assert kept.gone is None


def test_a_re_read_event_that_is_parked_is_known() -> None:
    world = World([event(0), event(1)], lambda _, now_ms: EVENT_FAULT)
    world.run(0)
    world.committed.clear()
    world.start()
    world.read(10)
    assert world.queue.waiting == 2


def take(world: World, step: str, number: int) -> None:
    match step:
        case "read":
            world.read(number)
        case "begin":
            world.begin()
        case "end" if world.flying:
            world.end(number % len(world.flying))
        case "lose" if world.flying:  # it was received, and we are killed before we know
            waiting = world.flying[number % len(world.flying)]
            if world.behaviour(waiting.event, world.now_ms) == TAKEN:
                world.received.append((world.now_ms, waiting.event))
            world.start()
        case "write":
            world.write(number)
        case "commit":
            world.commit()
        case "wait":
            world.now_ms += number * 15_000
        case "crash":
            world.start()


STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "begin", "end", "end", "lose", "write", "commit", "wait", "crash"]), st.integers(0, 40)),
    min_size=30,
    max_size=150,
)


@settings(max_examples=300, deadline=None)
@given(
    lanes=st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=4, max_size=40),
    poison=st.sets(st.integers(0, 39), max_size=6),
    outages=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=3),
    steps=STEPS,
)
def test_whatever_happens_each_event_comes_in_order_and_none_is_lost(
    lanes: list[tuple[int, bool]], poison: set[int], outages: list[tuple[int, int]], steps: list[tuple[str, int]]
) -> None:
    """Reading, sending, writing and committing in any interleaving, with crashes, outages and events that are refused for two days."""
    minute_ms = 60_000
    published = [event(n, f"c{who}", "win-back" if other else "status-changes") for n, (who, other) in enumerate(lanes)]

    def behaviour(one: Event, now_ms: int) -> str:
        if any(begins <= now_ms / minute_ms < begins + lasts for begins, lasts in outages):
            return ENDPOINT_FAULT
        return EVENT_FAULT if one.place[2] in poison and now_ms < 48 * HOUR_MS else TAKEN

    world = World(published, behaviour)
    for step, number in steps:
        take(world, step, number)
    while world.flying:
        world.end(0)
    world.run(200 * HOUR_MS)
    assert {one.place for _, one in world.received} == {one.place for one in published}
    assert in_order(world)
    assert (world.kept, world.queue.waiting, world.queue.flying, world.given_up) == ({}, 0, 0, [])
    ends: dict[str, Place] = {one.place[0]: one.place for one in published}
    assert world.committed == {topic: place[2] + 1 for topic, place in ends.items()}
