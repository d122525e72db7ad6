"""What a rejected record carries."""

import json
from base64 import b64decode

from stream_app.codec.dead_letters import dead_letter_headers, dead_letter_line
from stream_app.domain.events import Code, Rejected

REJECTED = Rejected(Code.UNKNOWN_TYPE, "type: not known")
OURS = [
    ("error.code", b"unknown_type"),
    ("error.detail", b"type: not known"),
    ("error.topic", b"orders"),
    ("error.partition", b"3"),
    ("error.offset", b"12345678901"),
]


def test_reason_and_coordinates_follow_the_headers_of_the_record() -> None:
    assert dead_letter_headers(REJECTED, "orders", 3, 12345678901) == OURS
    own = [("ce_id", b"\xff"), ("ce_id", b"e"), ("content-type", b"application/json")]
    assert dead_letter_headers(REJECTED, "orders", 3, 12345678901, own) == own + OURS


def test_a_second_rejection_replaces_the_reason() -> None:
    first = dead_letter_headers(Rejected(Code.ORDER_UNKNOWN, "x"), "contacts", 1, 1, [("trace", b"1")])
    assert dead_letter_headers(REJECTED, "orders", 3, 12345678901, first) == [("trace", b"1"), *OURS]


def test_every_code_is_its_own_word() -> None:
    for code in Code:
        assert dict(dead_letter_headers(Rejected(code, ""), "orders", 0, 0))["error.code"] == code.value.encode()


def test_replay_line() -> None:
    value = b'{"a":\xff'
    line = dead_letter_line(value, OURS)
    assert "\n" not in line
    read = json.loads(line)
    assert list(read) == ["topic", "headers", "value_base64"]
    assert read["topic"] == "dead-letters"
    assert read["headers"] == {name: content.decode() for name, content in OURS}
    assert b64decode(read["value_base64"]) == value
    assert json.loads(dead_letter_line(None, []))["value_base64"] is None
