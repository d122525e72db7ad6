"""The sequence in which history is published: by event time, then by file, then by line, however the files are ordered and cut."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from stream_app.worker.backfill import history
from stream_app.worker.publish import Item

UNTIL_MS = 1_800_000_000_000


def line(number: int, time: str | None) -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"e{number}", "source": "/shops/acme", "type": "order.placed", "subject": "c", "time": time}


def write(file: Path, events: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    return file


def sequence(files: list[Path], folder: Path) -> list[Item]:
    folder.mkdir()
    found = history.survey(files, UNTIL_MS, lambda *_: None)
    return list(history.in_order(found, UNTIL_MS, folder))


def ids(items: list[Item]) -> list[str]:
    return [json.loads(item[4])["id"] for item in items]


def at(second: int) -> str:
    return f"2025-03-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"


@pytest.mark.parametrize("chunk_bytes", [1, 700, 128 << 20], ids=["a line", "some lines", "all"])
def test_files_in_any_order_are_one_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    monkeypatch.setattr(history, "CHUNK_BYTES", chunk_bytes)
    chance = random.Random(3)
    events = [(chance.randrange(20), number) for number in range(60)]
    mixed = [line(number, at(second)) for second, number in events]
    files = [write(tmp_path / "sorted.jsonl", sorted(mixed[:30], key=lambda one: one["time"])), write(tmp_path / "mixed.jsonl", mixed[30:])]
    first = sorted(events[:30], key=lambda one: one[0])
    expected = sorted(
        [(second, 0, place, number) for place, (second, number) in enumerate(first)]
        + [(second, 1, place, number) for place, (second, number) in enumerate(events[30:])]
    )
    assert ids(sequence(files, tmp_path / "a")) == [f"e{number}" for _, _, _, number in expected]
    assert [item[0] for item in sequence(files, tmp_path / "b")] == sorted(item[0] for item in sequence(files, tmp_path / "c"))


def test_an_event_without_a_time_comes_first_and_one_from_after_the_beginning_is_refused(tmp_path: Path) -> None:
    files = [write(tmp_path / "a.jsonl", [line(0, at(5)), line(1, None), line(2, "2999-01-01T00:00:00Z"), line(3, at(4))])]
    assert ids(sequence(files, tmp_path / "sorted")) == ["e1", "e3", "e0"]
    found = history.survey(files, UNTIL_MS, lambda *_: None)
    assert (found.count, found.lines.refused, found.lines.events) == (3, 1, {"order.placed": 3})
    assert found.lines.complaints == [
        f"{files[0]}:3: the line is of a time after the loading of history began: publish it without --backfill"
    ]
    assert found.lines.latest_ms == {"acme": 1_740_787_205_000}


def test_other_files_and_another_order_of_them_are_another_history(tmp_path: Path) -> None:
    one, other = write(tmp_path / "1.jsonl", [line(0, at(1))]), write(tmp_path / "2.jsonl", [line(1, at(1))])
    copy = write(tmp_path / "copy.jsonl", [line(0, at(1))])
    assert history.digest_of([one, other]) == history.digest_of([copy, other])
    assert len({history.digest_of(files) for files in ([one, other], [other, one], [one], [one, one])}) == 4
