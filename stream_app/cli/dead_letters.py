"""`dead-letters list`, `show` and `replay`: rejected events: look, fix, send again."""

import asyncio
import json
import re
import sys
from base64 import b64encode
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream_app.cli import show
from stream_app.errors import ConfigError

if TYPE_CHECKING:
    from stream_app.settings import Settings
    from stream_app.worker.dead_letters.letters import Letter, Wanted

Json = Annotated[bool, typer.Option("--json", help="Print one JSON line.")]
Code = Annotated[str | None, typer.Option(help="Only this code, such as unknown_shop.", show_default=False)]
Topic = Annotated[str | None, typer.Option(help="Only events that were read from this topic.", show_default=False)]
Partition = Annotated[int | None, typer.Option(min=0, help="Only events that were read from this partition.", show_default=False)]
Shop = Annotated[str | None, typer.Option(help="Only this shop.", show_default=False)]
Since = Annotated[str | None, typer.Option(help="Only what was rejected from this time on, RFC 3339.", show_default=False)]
Until = Annotated[str | None, typer.Option(help="Only what was rejected before this time, RFC 3339.", show_default=False)]
_NAME = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")
_COLUMNS = ("letter", "rejected_at", "code", "topic", "partition", "offset", "shop", "size_bytes", "replayed_at")


def list_letters(
    code: Code = None,
    topic: Topic = None,
    partition: Partition = None,
    shop: Shop = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """List rejected events, without personal data.

    Each with its name (partition:offset), why and when it was rejected, where it was read, and whether it was sent again.
    """
    settings = show.settings_for_command()
    wanted = _wanted([], code, topic, partition, shop, since, until)
    rows = asyncio.run(_rows(settings, wanted))
    codes = Counter(str(row["code"]) for row in rows)
    if as_json:
        show.document({"count": len(rows), "codes": dict(sorted(codes.items())), "letters": rows})
        return
    _table(rows)
    show.note(f"{len(rows)} dead letters" + "".join(f", {count} {name}" for name, count in codes.most_common()))


def show_letter(
    letter: Annotated[str, typer.Argument(help="Its name: partition:offset, as `list` shows it.", show_default=False)],
    raw: Annotated[bool, typer.Option("--raw", help="Print the original bytes of the event, and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """Show one rejected event: why, and its original key, headers and bytes.

    What it prints names a customer.
    """
    settings = show.settings_for_command()
    (partition, offset) = _names([letter])[0]
    from stream_app.worker.dead_letters.letters import find_letter

    found = asyncio.run(find_letter(settings, partition, offset))
    if raw:
        sys.stdout.buffer.write(found.value or b"")
        sys.stdout.buffer.flush()
        return
    if as_json:
        show.document({**found.summary(), "key": _text(found.key), "headers": _headers(found), "value_base64": _base64(found.value)})
        return
    told = {**found.summary(), "key": _text(found.key), **{f"header {name}": text for name, text in _headers(found).items()}}
    width = max(map(len, told)) + 2
    for name, value in told.items():
        show.line(f"{_safe(name):<{width}}{'-' if value is None else _safe(str(value))}")
    show.line("")
    show.line("-" if found.value is None else _safe(found.value.decode(errors="replace")))


def replay(
    letters: Annotated[
        list[str] | None, typer.Argument(help="Their names: partition:offset.  [default: all that the options leave]", show_default=False)
    ] = None,
    code: Code = None,
    topic: Topic = None,
    partition: Partition = None,
    shop: Shop = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    as_json: Json = False,
) -> None:
    """Send rejected events again, after what was wrong is mended.

    Each goes back to where it was read, byte by byte, with its key, headers and timestamp, exactly once: an event that was sent
    again is passed over the next time, however a run ended. One that is rejected again is a new dead letter.
    """
    settings = show.settings_for_command()
    wanted = _wanted(letters or [], code, topic, partition, shop, since, until)
    from stream_app.worker.dead_letters.replay import replay as run

    with show.interruptible():
        done = asyncio.run(run(settings, wanted, dry_run=dry_run, progress=_progress()))
    if as_json:
        show.document(
            {
                "dry_run": dry_run,
                "replayed": dict(sorted(done.replayed.items())),
                "before": done.before,
                "foreign": done.foreign,
                "retimed": done.retimed,
            }
        )
        return
    to = ", ".join(f"{count} to {name}" for name, count in sorted(done.replayed.items())) or "none"
    show.line(f"{'would be sent again' if dry_run else 'sent again'}: {to}")
    if done.before:
        show.line(f"sent again before, and left alone: {done.before}")
    if done.foreign:
        show.line(f"from no topic that a worker reads, and left alone: {done.foreign}")
    if done.retimed:
        show.line(f"with the event's time as timestamp, because the original record is gone: {done.retimed}")


async def _rows(settings: "Settings", wanted: "Wanted") -> list[dict[str, Any]]:
    from stream_app.worker.dead_letters.letters import read_letters
    from stream_app.worker.dead_letters.replay import journal_key, letters_id, read_journal

    topic_id, journal = await letters_id(settings), await read_journal(settings)
    return [
        {**letter.summary(), "replayed_at": journal.get(journal_key(topic_id, letter.partition, letter.offset))}
        async for letter in read_letters(settings, wanted)
    ]


def _table(rows: list[dict[str, Any]]) -> None:
    cells = [[_safe("-" if row[name] is None else str(row[name])) for name in _COLUMNS] for row in rows]
    widths = [max(len(title), *(len(row[place]) for row in cells), 0) for place, title in enumerate(_COLUMNS)]
    for line, detail in zip([list(_COLUMNS), *cells], ["detail", *(_safe(str(row["detail"])) for row in rows)], strict=True):
        show.line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "  " + detail)


def _wanted(
    letters: list[str],
    code: str | None,
    topic: str | None,
    partition: int | None,
    shop: str | None,
    since: str | None,
    until: str | None,
) -> "Wanted":
    from stream_app.domain.events import Code as Codes
    from stream_app.worker.dead_letters.letters import Wanted

    if code is not None and code not in list(Codes):
        raise ConfigError(f"--code {code}: no such code; there are {', '.join(Codes)}")
    names = frozenset(f"{number}:{offset}" for number, offset in _names(letters))
    return Wanted(names, code, topic, partition, shop, _time_ms("--since", since), _time_ms("--until", until))


def _names(letters: list[str]) -> list[tuple[int, int]]:
    found = []
    for letter in letters:
        match = _NAME.fullmatch(letter)
        if match is None:
            raise ConfigError(f"{letter}: no name of a dead letter, which is partition:offset, such as 0:17")
        found.append((int(match[1]), int(match[2])))
    return found


def _time_ms(option: str, text: str | None) -> int | None:
    from stream_app.codec.times import parse_time_ms

    if text is None:
        return None
    time_ms = parse_time_ms(text)
    if time_ms is None:
        raise ConfigError(f"{option} {text}: not a time, such as 2026-03-01T00:00:00Z")
    return time_ms


def _headers(letter: "Letter") -> dict[str, str | None]:
    return {name: _text(content) for name, content in letter.headers}


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


def _base64(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _safe(text: str) -> str:
    """Whatever an event says, it does not command the terminal."""
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)


def _progress() -> Any:
    if not sys.stderr.isatty():
        return None
    return lambda count: show.note(f"{count} sent")
