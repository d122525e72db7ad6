"""The demo's picture: it shows the figures, the customers per status and the latest changes with their reasons."""

import io
import json
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from stream_app.demo.observer import Lag, Observer, summary
from stream_app.demo.view import View, print_summary
from stream_app.settings import load_settings


def record(sequence: int, dimension: str, before: str | None, after: str | None, timestamp: int = 5_000) -> Any:
    data = {
        "dimension": dimension,
        "from": before,
        "to": after,
        "sequence": sequence,
        "effective_at": "2024-03-01T10:00:00.000Z",
        "cause": {"kind": "time"},
        "reason": {"code": "silent_beyond_rhythm", "measures": {}},
    }
    value = json.dumps({"type": "status.changed", "subject": "household-7", "data": data}).encode()
    return SimpleNamespace(value=value, timestamp=timestamp)


def observed(*records: Any) -> Observer:
    observer = Observer(load_settings(), cast(Any, None), cast(Any, None))
    observer._take(list(records))
    observer.lag = Lag(records=1_234, applied=5_678)
    return observer


def text_of(*shown: Any) -> str:
    console = Console(file=io.StringIO(), width=120)
    for picture in shown:
        console.print(picture)
    return cast(io.StringIO, console.file).getvalue()


def test_the_picture_has_figures_statuses_and_reasons() -> None:
    observer = observed(record(1, "lifecycle", None, "active"), record(2, "lifecycle", "active", "inactive"))
    text = text_of(View("127.0.0.1:1", Console(width=120, height=40)).picture(observer))
    for shown in ("events/s", "5,678 applied", "1,234 lag", "1 customers", "2 changes", "household-7", "silent_beyond_rhythm (time)"):
        assert shown in text
    assert observer.statuses["lifecycle"] == {"active": 0, "inactive": 1}


def test_before_anything_came_the_picture_is_empty_but_whole() -> None:
    observer = Observer(load_settings(), cast(Any, None), cast(Any, None))
    assert "0 applied" in text_of(View("127.0.0.1:1", Console(width=120, height=40)).picture(observer))
    assert not observer.finished()


def test_the_summary_is_the_contract_s() -> None:
    observer = observed(
        record(1, "lifecycle", None, "active"), record(2, "class", None, "C", 9_500), record(1, "lifecycle", None, "active")
    )
    observer.dead_letters["order_exists"] += 2
    found = summary(observer, {"order.placed": 3}, started_ms=2_000)
    assert found == {
        "events_in": {"order.placed": 3},
        "changes": [
            {"dimension": "class", "from": None, "to": "C", "count": 1},
            {"dimension": "lifecycle", "from": None, "to": "active", "count": 2},
        ],
        "dead_letters": {"order_exists": 2},
        "customers": 2,
        "seconds": 7.5,
    }
    console = Console(file=io.StringIO(), width=120)
    print_summary(console, found)
    assert "dead letters: 2 order_exists; 7.5 s" in cast(io.StringIO, console.file).getvalue()
