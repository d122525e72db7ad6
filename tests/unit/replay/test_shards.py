"""What a replay writes depends neither on how many processes share the work, nor on their memory, nor on how its lines end."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from stream_app.replay.run import replay
from tests.unit.codec.samples import ORDER, structured

CUSTOMERS = [f"c-{number}" for number in range(12)]


def _lines() -> list[bytes]:
    """Orders of many customers; between them what is refused, blank lines, families, and watermarks with and without a subject."""
    lines: list[bytes] = [b"", b"no JSON", b" \t"]
    for day in range(1, 4):
        for number, customer in enumerate(CUSTOMERS):
            sent: dict[str, Any] = {"subject": customer, "time": f"2026-03-{day:02}T10:15:00Z"}
            lines.append(structured("order.placed", id=f"e-{day}", data={**ORDER, "order_id": f"o-{day}"}, **sent))
            lines.append(structured("order.cancelled", id=f"x-{day}", data={"order_id": "o-never"}, **sent))
            lines.append(structured("order.placed", id=f"b-{day}", data={"order_id": 5}, **sent))
            if number % 3 == 0:
                other = CUSTOMERS[(number + 5) % len(CUSTOMERS)]
                lines.append(structured("referral.made", id=f"r-{day}", data={"referred_customer_id": other}, **sent))
        lines.append(structured("watermark", subject="c-3", time=f"2026-03-{day:02}T20:00:00Z"))
        lines.append(structured("watermark", subject="", time=f"2026-03-{day:02}T21:00:00Z"))
        lines.append(structured("unheard.of", subject="c-4"))
        lines.append(structured("order.placed", subject=None))
    return lines


def _replay(folder: Path, lines: list[bytes], end: bytes, *, processes: int, as_given: bool, memory: int = 1 << 29) -> bytes:
    (folder / "events.jsonl").write_bytes(b"".join(line + end for line in lines))
    (folder / "policy.json").write_text(json.dumps({"currency": "EUR", "rhythm": {"default": {"method": "fixed", "days": 1}}}))
    out = folder / "out.jsonl"
    replay([folder / "events.jsonl"], folder / "policy.json", out, processes=processes, as_given=as_given, memory_bytes=memory)
    return (folder / "out.jsonl").read_bytes()


@pytest.mark.parametrize("as_given", [False, True])
def test_neither_the_number_of_processes_nor_the_memory_changes_anything(tmp_path: Path, as_given: bool) -> None:
    alone = _replay(tmp_path, _lines(), b"\n", processes=1, as_given=as_given)
    assert alone.count(b'"topic":"dead-letters"') > 2 * len(CUSTOMERS)
    assert b'"type":"winback.opened"' in alone
    for processes, memory in ((2, 1 << 29), (3, 1 << 29), (1, 300_000), (1, 2_000), (2, 100_000), (2, 1)):
        assert _replay(tmp_path, _lines(), b"\n", processes=processes, as_given=as_given, memory=memory) == alone


def test_ends_of_lines_are_no_part_of_an_event(tmp_path: Path) -> None:
    unix = _replay(tmp_path, _lines(), b"\n", processes=1, as_given=False)
    assert _replay(tmp_path, _lines(), b"\r\n", processes=1, as_given=False) == unix
    kept = [json.loads(line)["value_base64"] for line in unix.splitlines() if b'"topic":"dead-letters"' in line]
    assert {b64decode(value)[-1:] for value in kept} == {b"}", b"N"}  # of an event, and of what is no JSON


def test_a_dead_letter_holds_its_line_and_its_number(tmp_path: Path) -> None:
    first = [structured("order.placed", id="e-1", data=ORDER), structured("contact.made", id="e-2", subject="Jos\u00e9")]
    second = [structured("order.placed", id=f"e-{number}", data=ORDER, subject=f"c-{number}") for number in (3, 4)]
    refused = structured("order.placed", id="e-5", data={**ORDER, "total_minor": 1})  # its order is another event's
    foreign = structured("order.placed", id="e-6", data={**ORDER, "currency": "CHF"})
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(first))
    (tmp_path / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([*second, refused, foreign]))
    (tmp_path / "policy.json").write_text('{"currency": "EUR"}')
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for processes, memory in ((1, 1 << 29), (2, 1 << 29), (3, 1)):
        replay(files, tmp_path / "policy.json", tmp_path / "out.jsonl", processes=processes, memory_bytes=memory)
        written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
        letters = [letter for letter in written if letter["topic"] == "dead-letters"]
        assert [b64decode(letter["value_base64"]) for letter in letters] == [refused, foreign]
        assert [(letter["headers"]["error.code"], letter["headers"]["error.offset"]) for letter in letters] == [
            ("order_exists", "4"),
            ("currency_mismatch", "5"),
        ]
