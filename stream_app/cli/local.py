"""`demo` and `broker`: Kafka on this machine."""

import time
from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli import show
from stream_app.errors import Failure

DEFAULT_PORT = 9092
_ALIVE_POLL_S = 0.2


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Publish everything first, end when all is processed, print the summary; no page.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where the page is served.  [default: 8080, or a free one]", show_default=False)
    ] = None,
    dataset: Annotated[str, typer.Option(help="The purchase history to play.")] = "completejourney",
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the store of the last run instead of an empty one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON line.")] = False,
) -> None:
    """See it at work on a real purchase history.

    Starts a Kafka and a worker, plays a year of purchases of 2 469 households, and serves a page that shows the changes as they happen
    and sets how fast the year goes by.
    """
    settings = show.settings_for_command()
    from stream_app.demo.run import run_demo

    with show.interruptible():
        run_demo(settings, dataset=dataset, once=once, keep=keep, as_json=as_json, port=port)


def broker(
    data: Annotated[Path | None, typer.Option(help="Where the data lives; it survives a restart.  [default: DATA_DIR/broker]")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port; refused when anything listens there.")] = DEFAULT_PORT,
) -> None:
    """Run the embedded Kafka alone."""
    settings = show.settings_for_command()
    from stream_app.demo.broker import EmbeddedBroker
    from stream_app.demo.jars import VERSION

    with show.interruptible():
        try:
            with EmbeddedBroker(data or settings.data_dir / "broker", settings.cache_dir, port) as running:
                show.line(f"Apache Kafka {VERSION} is ready at {running.address}, data in {running.data_dir}; Ctrl-C stops it")
                while running.alive():
                    time.sleep(_ALIVE_POLL_S)
                raise Failure(f"Kafka ended by itself: see {running.data_dir / 'broker.log'}")
        except KeyboardInterrupt:
            show.note("stopped; the data stays")
