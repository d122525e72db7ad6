"""`make bench-history`: build a history database of a size, ask everything at rest and while changes stream in, print the p95 of each.

The database is kept when it is named, and asked again by the next run with its name. A result of the full size is written to results/.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.machine import machine
from benchmarks.place import say
from benchmarks.read_api.build import build
from benchmarks.read_api.questions import changes_in, measure, while_listening
from benchmarks.read_api.stream import Stream
from stream_app.settings import Settings, load_settings
from stream_app.web.history.database import Database
from stream_app.web.serve import serving

RESULTS = Path(__file__).parents[1] / "results"
FULL_CUSTOMERS = 1_000_000
P95_MAX_MS = 200.0
CHANGES_A_SECOND = 500
SETTLE_S = 3.0
SILENCE_MAX_S = 4.0
"""After so long the page says that the connection is lost."""


def prepare(url: str, directory: Path, customers: int, rounds: int) -> dict[str, Any]:
    """Build the database unless it is there; says how large it is."""
    database = Database(url, directory)
    with database.reading() as connection:
        is_empty = connection.execute(text("SELECT count(*) FROM shops")).scalar_one() == 0
    if is_empty:
        say(f"building {customers:,} customers in {database.name}")
        build(database, customers, rounds, say)
    with database.reading() as connection:
        size = connection.execute(text("SELECT customers, changes, latest_ms FROM shops")).mappings().one()
        sequence = connection.execute(text("SELECT max(sequence) FROM customers")).scalar_one()
    found = {**size, "sequence": sequence, "dialect": database.dialect}
    database.close()
    return found


async def ask(settings: Settings, size: dict[str, Any], times: int, rate: int) -> dict[str, Any]:
    """Every answer at rest, then with `rate` changes a second."""
    stream = Stream(size["customers"], size["sequence"], size["latest_ms"])
    answers: dict[str, Any] = {}
    async with serving(settings, stream) as (page, _):
        address = f"{page}api/v1/"

        async def at_rest() -> None:
            answers["at_rest"] = await measure(address, size["customers"], times)

        async def while_streaming() -> None:
            stream.rate = rate
            await asyncio.sleep(SETTLE_S)
            before, began = await changes_in(address), time.monotonic()
            answers["while_streaming"] = await measure(address, size["customers"], times)
            answers["changes_per_s"] = round((await changes_in(address) - before) / (time.monotonic() - began))

        await while_listening(address, at_rest)
        if rate:
            answers["longest_silence_s"] = (await while_listening(address, while_streaming)).longest_silence_s
    return answers


def misses(result: dict[str, Any], rate: int) -> list[str]:
    """What is slower than it may be."""
    found = [
        f"{name}, {when.replace('_', ' ')}: {took['p95_ms']:.0f} ms, more than {P95_MAX_MS:.0f} ms"
        for when in ("at_rest", "while_streaming")
        for name, took in result.get(when, {}).items()
        if took["p95_ms"] >= P95_MAX_MS
    ]
    if rate and result["changes_per_s"] < rate * 0.95:
        found.append(f"only {result['changes_per_s']} changes a second were taken in")
    if rate and result["longest_silence_s"] >= SILENCE_MAX_S:
        found.append(f"the stream said nothing for {result['longest_silence_s']} s")
    return found


def show(result: dict[str, Any]) -> None:
    """The table."""
    print(f"{result['customers']:,} customers, {result['changes']:,} changes in {result['database']}")
    streaming = result.get("while_streaming", {})
    print(f"{'':<48}{'at rest':>22}" + (f"{result['changes_per_s']:>15} changes/s" if streaming else ""))
    for name, took in result["at_rest"].items():
        line = f"{name:<48} median {took['median_ms']:6.1f}  p95 {took['p95_ms']:6.1f}"
        if name in streaming:
            line += f"   median {streaming[name]['median_ms']:6.1f}  p95 {streaming[name]['p95_ms']:6.1f}"
        print(line + " ms")
    if streaming:
        print(f"the stream's longest silence: {result['longest_silence_s']} s")


def main() -> int:
    """Build, ask, print; 1 when something is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=FULL_CUSTOMERS, help="each has 10 changes a round")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--url", default="", help="an empty database, or one that this has filled; without it a SQLite file that is thrown away"
    )
    parser.add_argument("--times", type=int, default=60, help="how often each question is asked")
    parser.add_argument("--changes", type=int, default=CHANGES_A_SECOND, help="how many a second stream in at last; 0 leaves that out")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stream-app-bench-") as directory:
        settings = load_settings(
            data_dir=Path(directory), serve_port=0, serve_rate=1_000_000, history_url=SecretStr(given.url) if given.url else None
        )
        size = prepare(given.url, Path(directory), given.customers, given.rounds)
        answers = asyncio.run(ask(settings, size, given.times, given.changes))
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "customers": size["customers"],
        "changes": size["changes"],
        "database": size["dialect"],
        "machine": machine(),
        **answers,
    }
    if size["customers"] >= FULL_CUSTOMERS:
        (RESULTS / f"history-{size['dialect']}.json").write_text(json.dumps(result, indent=2) + "\n")
    if given.json:
        print(json.dumps(result))
    else:
        show(result)
    wrong = misses(result, given.changes)
    for line in wrong:
        say(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
