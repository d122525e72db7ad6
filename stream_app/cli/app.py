"""All commands of `stream-app` in one tree; `--help` of the program is this file."""

from typing import Annotated

import typer

from stream_app import __version__
from stream_app.cli import dead_letters, doctor, explain, files, ingest, local, mappings, policies, serve, show, streams, study

app = typer.Typer(
    name="stream-app",
    help="Customer status as a stream: every change, silence included, the moment it happens, with proof, exactly once.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
topics = typer.Typer(help="The topics of the product.", no_args_is_help=True)
letters = typer.Typer(help="Rejected events: look, fix, send again.", no_args_is_help=True)
policy = typer.Typer(help="The thresholds of a shop.", no_args_is_help=True)
mapping = typer.Typer(help="What the columns of a shop's own files are.", no_args_is_help=True)


def _version(asked: bool) -> None:
    if asked:
        show.line(f"stream-app {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """The options before a command."""


app.command("demo")(local.demo)
app.command("broker")(local.broker)
app.add_typer(topics, name="topics")
topics.command("create")(streams.create_topics)
app.add_typer(policy, name="policy")
policy.command("init")(policies.init)
policy.command("check")(policies.check)
policy.command("publish")(policies.publish)
policy.command("show")(policies.show_published)
policy.command("list")(policies.list_published)
policy.command("rollback")(policies.rollback)
policy.command("delete")(policies.delete)
app.add_typer(mapping, name="mapping")
mapping.command("init")(mappings.init)
app.command("publish")(streams.publish)
app.command("ingest")(ingest.ingest)
app.command("worker")(streams.worker)
app.command("insights", hidden=True)(streams.insights)
app.command("doctor")(doctor.doctor)
app.command("watch")(streams.watch)
app.command("explain")(explain.explain)
app.command("serve")(serve.serve)
app.add_typer(letters, name="dead-letters")
letters.command("list")(dead_letters.list_letters)
letters.command("show")(dead_letters.show_letter)
letters.command("replay")(dead_letters.replay)
app.command("webhooks")(serve.webhooks)
app.command("replay")(files.replay)
app.command("calibrate")(study.calibrate)
app.command("compare")(study.compare)
app.command("schemas")(files.schemas)
