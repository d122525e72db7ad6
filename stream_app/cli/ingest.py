"""`ingest`: events in over HTTP."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from stream_app.cli import show
from stream_app.settings import load_settings


def ingest(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.  [default: 8081]", show_default=False)
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to bind.  [default: 127.0.0.1]", show_default=False)] = None,
) -> None:
    """Take events in over HTTP.

    CloudEvents, Segment's track and batch, webhooks of Shopify and WooCommerce; answered once Kafka has stored them. Beyond this
    machine every request must bear a key of its shop (STREAM_APP_INGEST_KEYS).
    """
    settings = load_settings(ingest_port=port, ingest_host=host)
    from stream_app.telemetry.logs import configure_logging
    from stream_app.web.ingest.process import check_ingest
    from stream_app.web.ingest.process import ingest as run
    from stream_app.worker.outbox import kafka_outbox

    check_ingest(settings)
    configure_logging(settings.log_format, settings.log_level)
    asyncio.run(run(settings, partial(kafka_outbox, settings), show.line))
