"""`serve`: the page and the read API."""

import asyncio
from typing import Annotated

import typer

from stream_app.cli import show
from stream_app.settings import load_settings


def serve(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.  [default: 8080]", show_default=False)
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to bind.  [default: 127.0.0.1]", show_default=False)] = None,
) -> None:
    """Serve the page and the read API.

    Follows what the workers publish into a history database. Beyond this machine every request must bear a token
    (STREAM_APP_SERVE_TOKEN).
    """
    settings = load_settings(serve_port=port, serve_host=host)
    from stream_app.telemetry.logs import configure_logging
    from stream_app.web.serve import check_serving
    from stream_app.web.serve import serve as run
    from stream_app.worker.history import KafkaTopics

    check_serving(settings)
    configure_logging(settings.log_format, settings.log_level)
    asyncio.run(run(settings, KafkaTopics(settings), show.line))
