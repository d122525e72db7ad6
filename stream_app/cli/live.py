"""`compare --live`: the event topics up to now instead of files, and the policy in force instead of A."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from stream_app.cli import show
from stream_app.errors import ConfigError, Failure
from stream_app.settings import Settings

_DEFAULT = "*"


class Live(NamedTuple):
    """What is compared: event files, both policies as files, what they are called, and until when."""

    files: list[Path]
    policies: tuple[Path, Path]
    names: tuple[str, str]
    until_ms: int


@contextmanager
def from_topics(policies: list[Path], shop: str | None, until_ms: int | None) -> Iterator[Live]:
    """Gather what was published up to now, for as long as needed.

    Both policies are compared as if they had been live from the beginning: since when a shop is live says whom it mails, and
    would otherwise be the whole difference.

    Args:
        policies: B, or A and B; without A it is the one in force.
        shop: whose events; by default the shop that B names.
        until_ms: time ends here; by default now.

    Raises:
        ConfigError: there are too many policies, or none.
        Failure: a policy cannot be used, none is in force, or there are no events.
    """
    from stream_app.worker.policy_topic import check_policy
    from stream_app.worker.recorded import save_events

    if not 1 <= len(policies) <= 2:
        raise ConfigError(f"--policy is given {len(policies)} times: give it once (B, beside the policy in force) or twice (A and B)")
    settings = show.settings_for_command()
    now_ms = int(time.time() * 1000)
    checked = [(file.name, *check_policy(file)) for file in policies]
    shop = shop or (None if checked[-1][1].shop == _DEFAULT else checked[-1][1].shop)
    found: list[tuple[str, Any]] = [(name, json.loads(value)) for name, _, value in checked]
    if len(found) == 1:
        found.insert(0, _in_force(settings, shop))
    with tempfile.TemporaryDirectory(prefix="stream-app-live-") as name:
        folder = Path(name)
        show.note("reading what was published" + (f" by shop {shop}" if shop else ""))
        recorded = asyncio.run(save_events(settings, folder, shop, lambda count: show.note(f"{count} events")))
        show.note(
            f"{recorded.events} events up to now" + (f", {recorded.passed_over} records are no events" if recorded.passed_over else "")
        )
        if not recorded.events:
            raise Failure("there is no event to compare by: publish some, or name another shop with --shop")
        one, other = (_write(folder / f"{side}.json", document, shop) for side, (_, document) in zip("ab", found, strict=True))
        yield Live(recorded.files, (one, other), (found[0][0], found[1][0]), now_ms if until_ms is None else until_ms)


def _in_force(settings: Settings, shop: str | None) -> tuple[str, Any]:
    from stream_app.worker.policy_topic import read_policies

    published = asyncio.run(read_policies(settings))
    key = shop if shop in published else _DEFAULT
    if key not in published:
        whose = f"of shop {shop}" if shop else "for every shop; name one with --shop"
        raise Failure(f"no policy is in force {whose}: publish one with `stream-app policy publish FILE`, or give A and B")
    document = published[key]
    return f"version {document['version']}, which is in force", document


def _write(file: Path, document: Any, shop: str | None) -> Path:
    """The policy as a file, for all of the events that were gathered."""
    kept = {name: value for name, value in document.items() if name not in {"live_since", "shop"}}
    file.write_text(json.dumps(kept if shop is None else {**kept, "shop": shop}), encoding="utf-8")
    return file
