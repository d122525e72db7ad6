"""`explain`: one customer's timeline, for a person or as one JSON document."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream_app.cli import show
from stream_app.errors import ConfigError, Failure

if TYPE_CHECKING:
    from stream_app.worker.explain import Progress

Line = tuple[int, str, str]
"""Indentation, style, text."""

_STYLES = {"event": "", "change": "bold", "notice": "yellow", "reaction": "cyan"}


def explain(
    shop: Annotated[str, typer.Argument(help="The shop's id.", show_default=False)],
    customer: Annotated[str, typer.Argument(help="The customer's id.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell one customer's story.

    Every event, every change with its reason, where he stands, what will change next and what would prevent it.
    """
    settings = show.settings_for_command()
    from stream_app.codec.envelope import is_customer_id, read_shop
    from stream_app.story import timeline
    from stream_app.worker.explain import find_customer

    if read_shop(f"/shops/{shop}") is None:
        raise ConfigError("SHOP: no shop has such an id; expected: 1 to 128 letters, digits, dots, underscores or hyphens")
    if not is_customer_id(customer):
        raise ConfigError("CUSTOMER: no customer has such an id; expected: 1 to 128 characters without control characters")
    with show.interruptible(), _progress_bar() as progress:
        found = asyncio.run(find_customer(settings, shop, customer, progress))
    document = timeline.explain(shop, customer, found)
    if document is None:
        raise Failure(f"nothing is known of this customer in shop {shop}: see that both ids are right, and that his events are published")
    if as_json:
        show.document(document)
        return
    _print(tell(document))


def tell(document: dict[str, Any]) -> list[Line]:
    """The document as lines for a person."""
    from stream_app.story.words import moment

    lines: list[Line] = [(0, "bold", f"customer {document['customer']} of shop {document['shop']} (all times in UTC)")]
    erased = document["erased"]
    if erased is not None:
        lines.append((0, "bold", f"erased: everything up to {moment(erased['at'])} is forgotten"))
        if not erased["came_back"]:
            return [*lines, (0, "", "he has not come back, and nothing is known of him")]
    lines.append((0, "", ""))
    for entry in document["timeline"]:
        lines.append((0, _STYLES[entry["kind"]], f"{moment(entry['at'])}  {entry['text']}"))
        lines += [(18, "dim", text) for text in entry["says"]]
    merged = document["merged"]
    if merged is None:
        stands = _now(document["now"])
    else:
        whom = f" customer {merged['into']}" if merged["into"] else " another customer"
        stands = [(0, "bold", f"where he stands: merged into{whom} at {moment(merged['at'])}; what he does is the other's")]
    lines += [(0, "", ""), *stands, (0, "", ""), *_next(document["next"], document["now"])]
    lines.append((0, "dim", f"not looked at: {'; '.join(document['left_out'])}"))
    return lines


def _now(now: dict[str, Any] | None) -> list[Line]:
    from stream_app.story.words import moment, value_in_words

    if now is None:
        return [(0, "bold", "where he stands: nothing is computed yet; see that a worker runs and that the shop has a policy")]
    lines = [(0, "bold", f"where he stood at {moment(now['clock_at'])}, policy version {now['policy']['version']}")]
    lines += [(2, "", f"{name}: {value or '-'}") for name, value in now["statuses"].items()]
    measures = ", ".join(f"{name} {value_in_words(name, value)}" for name, value in now["measures"].items() if value is not None)
    lines.append((2, "", f"measures: {measures or 'none'}"))
    if now.get("exit"):
        lines.append((2, "", f"exit: {value_in_words('exit', now['exit'])}"))
    return lines


def _next(coming: dict[str, Any], now: dict[str, Any] | None) -> list[Line]:
    from stream_app.story.words import moment

    lines = [(0, "bold", "what comes next")]
    if coming["deadline"]:
        lines.append((2, "", f"with no further event nothing is computed anew before {moment(coming['deadline'])}"))
    lines += [(2, "yellow", one["text"]) for one in coming["announced"]]
    for one in coming["dimensions"]:
        until = "time alone does not change it" if one["valid_until"] is None else f"holds until {moment(one['valid_until'])} at least"
        if now is not None and one["valid_until"] is not None and one["valid_until"] <= now["clock_at"]:
            until = f"has outlived {moment(one['valid_until'])}, the end that was in sight"
        elif one["since_then"]:
            until += ", as it was said before what has happened since"
        lines.append((2, "", f"{one['dimension']} {one['value'] or '-'} since {moment(one['since'])}: {until}"))
        if one["text"]:
            lines.append((4, "dim", f"otherwise: {one['text']}"))
    return lines


def _print(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(highlight=False, emoji=False, markup=False)
    for indentation, style, text in lines:
        # What events say is data of others: no control character of theirs reaches a terminal.
        told = Text("".join(character if character.isprintable() else "?" for character in text), style)
        if console.is_terminal:
            console.print(Padding(told, (0, 0, 0, indentation)))
        else:
            console.print(Text(" " * indentation).append_text(told), soft_wrap=True)


@contextmanager
def _progress_bar() -> "Iterator[Progress | None]":
    """A bar on a terminal; nothing of it in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading the topics", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
