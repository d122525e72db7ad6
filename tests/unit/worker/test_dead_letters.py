"""Which dead letters a command takes, and what it shows of them."""

import pytest

from stream_app.codec.dead_letters import dead_letter_headers
from stream_app.domain.events import Code, Rejected
from stream_app.worker.dead_letters.letters import Letter, Wanted, letter_of
from stream_app.worker.dead_letters.replay import journal_key

EVENT = b'{"source":"/shops/acme","subject":"secret-customer"}'


def letter(key: bytes | None = b"acme/secret-customer", value: bytes | None = EVENT, **headers: bytes) -> Letter:
    own = [(name.replace("__", "-"), content) for name, content in headers.items()]
    why = Rejected(Code.UNKNOWN_SHOP, "shop: no policy")
    return letter_of(1, 17, 1_000, key, value, dead_letter_headers(why, "p-orders", 2, 99, own))


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(), True),
        (Wanted(names=frozenset({"1:17"})), True),
        (Wanted(names=frozenset({"1:18"})), False),
        (Wanted(code="unknown_shop"), True),
        (Wanted(code="invalid_json"), False),
        (Wanted(topic="orders"), True),
        (Wanted(topic="p-orders"), True),
        (Wanted(topic="contacts"), False),
        (Wanted(partition=2), True),
        (Wanted(partition=1), False),
        (Wanted(shop="acme"), True),
        (Wanted(shop="other"), False),
        (Wanted(since_ms=1_000, until_ms=1_001), True),
        (Wanted(since_ms=1_001), False),
        (Wanted(until_ms=1_000), False),
        (Wanted(code="unknown_shop", shop="other"), False),
    ],
)
def test_filters(wanted: Wanted, taken: bool) -> None:
    assert wanted.takes(letter(), "p-") is taken


@pytest.mark.parametrize(
    ("made", "shop"),
    [
        (letter(), "acme"),
        (letter(key=b"other/x"), "acme"),
        (letter(key=b"other/x", value=b"no JSON"), "other"),
        (letter(key=b"other/x", value=None), "other"),
        (letter(key=None, value=b"\xff"), None),
        (letter(key=b"no good shop/x", value=b"{}"), None),
        (letter(value=b"{}", ce_source=b"/shops/third"), "third"),
        (letter(ce_source=b"nowhere"), None),
        (letter(key=b"other/x", value=b'{"source":7}'), "other"),
    ],
)
def test_whose_it_is(made: Letter, shop: str | None) -> None:
    assert made.shop == shop


def test_its_own_headers_and_coordinates_are_told_apart() -> None:
    made = letter(number=b"1")
    assert (made.code, made.topic, made.origin_partition, made.origin_offset) == ("unknown_shop", "p-orders", 2, 99)
    assert list(made.headers) == [("number", b"1")]


def test_a_letter_that_somebody_else_wrote_has_no_coordinates() -> None:
    made = letter_of(0, 0, 0, b"k", b"v", [("error.topic", b"orders"), ("error.partition", b"first"), ("error.offset", None)])
    assert (made.code, made.origin_partition, made.origin_offset) == ("", -1, -1)


def test_a_summary_names_nobody() -> None:
    assert "secret" not in repr(letter().summary())


def test_a_topic_made_anew_has_other_names() -> None:
    assert journal_key("cluster/one", 0, 5) != journal_key("cluster/two", 0, 5)
