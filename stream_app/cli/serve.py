"""`serve` and `webhooks`: what is published, for those who ask, and for those who want to be told."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from stream_app.cli import show
from stream_app.errors import ConfigError
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


def webhooks(
    file: Annotated[Path, typer.Argument(help="The endpoints, in YAML (docs/webhooks.md).")] = Path("webhooks.yaml"),
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file can be used.")] = False,
    enable: Annotated[
        str | None, typer.Option(help="Only forget that this endpoint said 410; then start the command again.", show_default=False)
    ] = None,
) -> None:
    """Deliver changes to HTTP endpoints, signed (Standard Webhooks).

    At least once, in order per customer, with an id by which a receiver drops doubles. An endpoint that is down gets everything once
    it is back, and nobody waits for it. Ctrl-C stops it cleanly.
    """
    settings = load_settings()
    from stream_app.worker.webhooks.endpoints import read_endpoints

    endpoints = read_endpoints(file)
    if check:
        show.line(f"{file} can be used: {len(endpoints)} endpoints, {', '.join(endpoint.name for endpoint in endpoints)}")
        return
    if enable is not None:
        if enable not in [endpoint.name for endpoint in endpoints]:
            raise ConfigError(f"--enable {enable}: {file} has no endpoint of that name")
        from stream_app.worker.webhooks.run import enable as run_enable

        asyncio.run(run_enable(settings, enable))
        show.line(f"{enable} is enabled")
        return
    from stream_app.worker.webhooks.run import run_webhooks

    run_webhooks(settings, endpoints)
