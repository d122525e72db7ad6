"""What happens to records that are in the wrong place, of nobody's shop, or no events at all."""

import json

import pytest

from stream_app.domain.policy import Fixed
from stream_app.engine.stores.store import Changes
from stream_app.engine.transactions.partitioner import partition_of
from tests.builders import at, policy
from tests.unit.processor.rig import RULES, Record, Rig, book, bought, iso, text, told, watermark

PARTITIONS = 8
HERE = next(n for n in range(100) if partition_of(f"acme/c-{n}".encode(), PARTITIONS) == 3)
THERE = next(n for n in range(100) if partition_of(f"acme/c-{n}".encode(), PARTITIONS) == 5)


def rig() -> Rig:
    return Rig(book(RULES), PARTITIONS, 3)


@pytest.mark.parametrize("key", [None, b"", b"foreign", b"acme/somebody else", f"acme/c-{HERE}".encode()])
def test_in_the_right_partition_the_key_does_not_matter(key: bytes | None) -> None:
    record, here = bought(at(0), f"c-{HERE}"), rig()
    record.key = key
    here.work(record)
    assert [output.key for output in here.of("status-changes")] == [f"acme/c-{HERE}".encode()] * 3
    assert here.of("customer-events-rekeyed") == []


@pytest.mark.parametrize("key", [None, b"foreign", f"acme/c-{THERE}".encode()])
def test_a_record_in_another_partition_is_sent_home_unchanged(key: bytes | None) -> None:
    record, here = bought(at(0), f"c-{THERE}"), rig()
    record.key, record.headers = key, [("traceparent", b"00-1")]
    here.work(record)
    sent = here.outputs
    assert [(one.topic, one.partition, one.key) for one in sent] == [("customer-events-rekeyed", 5, f"acme/c-{THERE}".encode())]
    assert sent[0].value == record.value
    came_from = [("rekeyed.topic", b"orders"), ("rekeyed.partition", b"0"), ("rekeyed.offset", b"0")]
    assert list(sent[0].headers) == [("traceparent", b"00-1"), *came_from, *([] if key is None else [("rekeyed.key", key)])]
    assert here.counts() == {("rekeyed",): 1}, "it is counted as an event where it is folded"
    assert here.state(f"c-{THERE}") is None
    assert here.memo["streams"] == {}, "it is folded elsewhere, and moves time there"
    at_home = Rig(book(RULES), PARTITIONS, 5)
    at_home.work(Record(sent[0].value, sent[0].key, "customer-events-rekeyed", 5))
    assert at_home.changes() == [(f"c-{THERE}", "active", iso(0), "event")]


def test_an_event_in_binary_mode_is_sent_home_with_its_headers() -> None:
    made = json.loads(bought(at(0), f"c-{THERE}").value or b"")
    headers = [(f"ce_{name}", str(value).encode()) for name, value in made.items() if name != "data"]
    here = rig()
    here.work(Record(json.dumps(made["data"]).encode(), None, headers=[*headers, ("content-type", b"application/json")]))
    sent = here.of("customer-events-rekeyed")[0]
    at_home = Rig(book(RULES), PARTITIONS, 5)
    at_home.work(Record(sent.value, sent.key, "customer-events-rekeyed", 5, headers=sent.headers))
    assert at_home.changes() == [(f"c-{THERE}", "active", iso(0), "event")]


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00", b"acme/somebody else"])
def test_a_record_refused_at_home_is_a_dead_letter_as_it_was_read_at_first(key: bytes | None) -> None:
    again = bought(at(1), f"c-{THERE}", order_id="o-1")
    again.key, again.partition, again.offset = key, 3, 4711
    again.headers = [("traceparent", b"00-1"), ("rekeyed.topic", b"pretended")]
    here, at_home = rig(), Rig(book(RULES), PARTITIONS, 5)
    here.work(again)
    sent = here.of("customer-events-rekeyed")[0]
    at_home.work(bought(at(0), f"c-{THERE}", order_id="o-1"))
    at_home.work(Record(sent.value, sent.key, "customer-events-rekeyed", 5, 9, headers=sent.headers))
    (letter,) = at_home.of("dead-letters")
    assert (letter.key, letter.value) == (key, again.value)
    assert next(iter(letter.headers)) == ("traceparent", b"00-1")
    assert [name for name, _ in letter.headers] == [
        "traceparent", "error.code", "error.detail", "error.topic", "error.partition", "error.offset",
    ]  # fmt: skip
    assert [letter.header(f"error.{name}") for name in ("code", "topic", "partition", "offset")] == ["order_exists", "orders", "3", "4711"]


def test_a_record_that_waited_for_its_order_at_home_ends_as_it_was_read_at_first() -> None:
    record = text("order.cancelled", at(0), f"c-{THERE}", order_id="missing")
    record.key, record.partition, record.offset = b"foreign", 3, 8
    here, at_home = rig(), Rig(book(RULES), PARTITIONS, 5)
    here.work(record)
    sent = here.of("customer-events-rekeyed")[0]
    at_home.work(Record(sent.value, sent.key, "customer-events-rekeyed", 5, 0, headers=sent.headers))
    at_home.work(told(at(200), f"c-{THERE}"))
    (letter,) = at_home.of("dead-letters")
    assert (letter.key, letter.header("error.code"), letter.header("error.offset")) == (b"foreign", "order_unknown", "8")


@pytest.mark.parametrize("headers", [[], [("rekeyed.topic", b"\xff")], [("rekeyed.topic", b"orders"), ("rekeyed.partition", b"x")]])
def test_a_record_that_nobody_sent_on_is_a_dead_letter_of_the_topic_it_lies_in(headers: list[tuple[str, bytes | None]]) -> None:
    at_home = Rig()
    at_home.work(Record(b"{", b"k", "customer-events-rekeyed", 0, 6, headers=headers))
    (letter,) = at_home.of("dead-letters")
    assert (letter.key, letter.header("error.topic"), letter.header("error.offset")) == (b"k", "customer-events-rekeyed", "6")


def test_headers_of_other_topics_that_look_like_ours_are_the_senders() -> None:
    here = Rig()
    here.work(Record(b"{", b"k", "orders", 0, 6, headers=[("rekeyed.topic", b"t"), ("rekeyed.partition", b"7"), ("rekeyed.offset", b"7")]))
    (letter,) = here.of("dead-letters")
    assert (letter.header("error.topic"), letter.header("error.offset"), letter.header("rekeyed.topic")) == ("orders", "6", "t")


def test_a_customer_who_has_a_state_where_he_is_stays_there() -> None:
    here, away = rig(), bought(at(1), f"c-{THERE}")
    here.store.apply(Changes(_stored_elsewhere()))
    here.restart()
    here.work(away)
    assert here.of("customer-events-rekeyed") == []
    state = here.state(f"c-{THERE}")
    assert state is not None
    assert len(state.order_ids) == 2


def _stored_elsewhere() -> dict[bytes, bytes | None]:
    """The state of a customer, as if it had come into being where his key does not belong."""
    made, key = Rig(book(RULES), 1, 0), f"acme/c-{THERE}".encode()
    made.work(bought(at(0), f"c-{THERE}"))
    return {key: made.store.get(key)}


def test_time_is_checked_once_and_not_when_a_record_comes_home() -> None:
    late = bought(at(6_000))
    assert Rig().work(late) == 0
    away, home = Rig(), Rig()
    away.work(late)
    assert [letter.header("error.code") for letter in away.of("dead-letters")] == ["time_out_of_range"]
    late.topic = "customer-events-rekeyed"
    home.work(late)
    assert home.of("dead-letters") == []


def test_customer_ids_may_contain_slashes() -> None:
    here = Rig()
    here.work(bought(at(0), "a/b/c"), told(at(200), "x"))
    assert here.of("status-changes")[0].key == b"acme/a/b/c"
    assert ("a/b/c", "inactive", iso(100), "time") in here.changes()


BAD: list[tuple[Record, str]] = [
    (Record(None, b"acme/c-1"), "invalid_json"),
    (Record(b"", None), "invalid_json"),
    (Record(b'{"a":', b"\xff\xfe"), "invalid_json"),
    (Record(b"\xff\xfe", b"k"), "invalid_json"),
    (Record(b"[]", b"k"), "invalid_envelope"),
    (text("order.paid", at(0)), "unknown_type"),
    (text("order.placed", at(0), order_id="o"), "invalid_data"),
    (text("order.placed", at(0), shop="nobodys", order_id="o", currency="EUR", total_minor=1), "unknown_shop"),
    (text("watermark", at(0), None, "nobodys"), "unknown_shop"),
    (bought(at(0), currency="USD"), "currency_mismatch"),
    (bought(-1), "time_out_of_range"),
    (bought(at(6_000)), "time_out_of_range"),
]


@pytest.mark.parametrize(("record", "code"), BAD, ids=[f"{code}-{number}" for number, (_, code) in enumerate(BAD)])
def test_a_bad_record_is_a_dead_letter_with_its_bytes_and_the_rest_goes_on(record: Record, code: str) -> None:
    record.offset, record.headers = 77, [("theirs", b"kept"), ("nothing", None)]
    here = Rig(book(policy(shop="acme", default_rhythm=Fixed(100), rhythms={})))
    here.work(bought(at(0), "good-1"), record, bought(at(0), "good-2"))
    letters = here.of("dead-letters")
    assert [(letter.key, letter.value) for letter in letters] == [(record.key, record.value)]
    found = {name: letters[0].header(name) for name in ("theirs", "error.code", "error.topic", "error.partition", "error.offset")}
    assert found == {"theirs": "kept", "error.code": code, "error.topic": record.topic, "error.partition": "0", "error.offset": "77"}
    assert letters[0].header("error.detail")
    assert ("nothing", None) in letters[0].headers, "a header may be null in Kafka, and stays so"
    assert [change[:2] for change in here.changes()] == [("good-1", "active"), ("good-2", "active")]
    assert here.counts()["rejections", code] == 1
    assert here.state("c-1") is None


def test_what_waited_in_vain_is_a_dead_letter_with_its_own_coordinates() -> None:
    waits = text("order.cancelled", at(0), order_id="o-9")
    waits.offset, waits.headers, waits.key = 41, [("theirs", b"\x00\xff"), ("nothing", None)], None
    here = Rig()
    here.work(waits)
    here.restart()
    here.work(watermark(at(30)))
    letter = here.of("dead-letters")[0]
    assert (letter.key, letter.value, dict(letter.headers)["theirs"]) == (None, waits.value, b"\x00\xff")
    assert dict(letter.headers)["nothing"] is None
    assert [letter.header(f"error.{name}") for name in ("code", "topic", "offset")] == ["order_unknown", "orders", "41"]


def test_details_quote_no_personal_data() -> None:
    secret = "jane.doe@example.org"
    here = Rig()
    here.work(
        text("order.placed", at(0), secret, order_id=secret, currency=secret, total_minor=secret),
        bought(at(0), secret, order_id=secret),
        bought(at(1), secret, order_id=secret),
        text("order.placed", at(1), secret, event_id=secret, order_id="o", currency="USD", total_minor=1),
    )
    assert len(here.of("dead-letters")) == 3
    for letter in here.of("dead-letters"):
        assert secret not in letter.header("error.detail")


# --- profiles


def test_a_profile_is_written_once_per_unit_with_the_last_state() -> None:
    here = Rig(book(policy(default_rhythm=Fixed(100), rhythms={})))
    here.work(bought(at(0)), bought(at(300)), told(at(301), event_id="t"), bought(at(300), "c-2"))
    profiles = here.of("customer-profiles")
    assert [profile.key for profile in profiles] == [b"acme/c-1", b"acme/c-2"]
    data = profiles[0].event["data"]
    assert (data["clock_at"], data["statuses"]["lifecycle"]) == (iso(301), "active")
    assert data["sequence"] == max(
        output.event["data"].get("sequence", 0) for output in here.of("status-changes") if output.key == b"acme/c-1"
    )
    here.work(told(at(302), event_id="t-2"))
    assert len(here.of("customer-profiles")) == 2, "no change of a status, no profile"
    here.work(watermark(at(400)))
    assert len(here.of("customer-profiles")) == 4


def test_outputs_are_structured_cloudevents_under_the_customers_key() -> None:
    here = Rig()
    here.work(bought(at(0)), watermark(at(500)))
    assert {output.topic for output in here.outputs} == {"status-changes", "customer-profiles", "win-back"}
    for output in here.outputs:
        assert (output.key, output.partition) == (b"acme/c-1", None)
        assert list(output.headers) == [("content-type", b"application/cloudevents+json")]
        assert output.event["specversion"] == "1.0"
        assert (output.event["source"], output.event["subject"]) == ("/shops/acme", "c-1")
        assert output.event["time"].endswith("Z")
    for output in here.of("status-changes"):
        if output.event["type"] == "status.changed":
            assert output.event["time"] == output.event["data"]["effective_at"]


def test_everything_is_counted() -> None:
    here = Rig()
    here.work(bought(at(0)), told(at(1)), told(at(1)), told(at(90), "c-2"))
    counts = here.counts()
    assert counts["events", "order.placed"] == 1
    assert counts["events", "interest.shown"] == 3
    assert counts["duplicates",] == 1
    assert counts["changes", "churn_risk", "time"] == 2
    assert counts["deadlines",] >= 2
