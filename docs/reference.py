"""The reference, from the code: commands, settings, the policy, events and topics. Nothing of it is written by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from stream_app.cli.app import app
from stream_app.codec.policy.document import PolicyDocument
from stream_app.settings import PREFIX, Settings

SCHEMAS = Path(__file__).parents[1] / "schemas"


def write_reference(folder: Path) -> None:
    """Write one page a subject into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, lines in (("commands", _commands()), ("settings", _settings()), ("policy", _policy()), ("events", _events())):
        text = "\n".join(lines) + "\n"
        page = folder / f"{name}.md"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "Exit status 0: done; 1: a failure, explained in one line; 2: wrong usage or a wrong setting. `--json` prints one JSON document"
    yield "on the last line of standard output; progress and remarks go to standard error.\n"
    yield from _of(typer.main.get_command(app), "stream-app")


def _of(command: Any, name: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for child in sorted(command.commands):
            if not command.commands[child].hidden:
                yield from _of(command.commands[child], f"{name} {child}")
        return
    context = typer.Context(command, info_name=name)
    yield f"## {name}\n"
    yield f"    {' '.join([name, *command.collect_usage_pieces(context)])}\n"
    yield f"{(command.help or '').strip()}\n"
    rows = [_parameter(parameter, context) for parameter in command.params if getattr(parameter, "help", None)]
    if rows:
        yield "| | |\n|---|---|"
        yield from rows
        yield ""


def _parameter(parameter: Any, context: typer.Context) -> str:
    names = parameter.name.upper() if parameter.param_type_name == "argument" else "`, `".join(parameter.opts)
    default = parameter.get_default(context)
    shown = parameter.show_default and default not in (None, False, True, ()) and "[default" not in parameter.help
    return f"| `{names}` | {_cell(parameter.help)}{f' Default: `{default}`.' if shown else ''} |"


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "From the environment, the file `.env`, or `stream-app.yaml` in the working directory (`STREAM_APP_SETTINGS_FILE` names another;"
    yield "there the names stand without the prefix, in small letters). A wrong one stops the start with one line that names it.\n"
    yield "| variable | default | what |\n|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") or str(field.default) == "." else f"`{field.default}`"
        yield f"| `{PREFIX}{name.upper()}` | {default} | {_cell(field.description or '')} |"


def _policy() -> Iterator[str]:
    schema = PolicyDocument.model_json_schema()
    yield "# Policy\n"
    yield "YAML or JSON, checked by `stream-app policy check`; `stream-app policy init` writes one with comments."
    yield "An unknown field is an error.\n"
    yield from _section(schema, "Top level")
    for name, part in sorted(schema.get("$defs", {}).items()):
        if part.get("properties"):
            yield from _section(part, name)


def _section(part: dict[str, Any], title: str) -> Iterator[str]:
    yield f"## {title}\n"
    if told := part.get("description"):
        yield f"{' '.join(told.split())}\n"
    yield "| field | default | what |\n|---|---|---|"
    for name, field in part["properties"].items():
        default = f"`{json.dumps(field['default'])}`" if "default" in field else "required" if name in part.get("required", ()) else ""
        yield f"| `{name}` | {_cell(default)} | {_cell(' '.join(filter(None, (field.get('description'), _kind(field)))))} |"
    yield ""


def _kind(field: dict[str, Any]) -> str:
    """What a field takes, in a few words."""
    if reference := field.get("$ref"):
        return f"({reference.rpartition('/')[2]})"
    if options := field.get("enum"):
        return "One of " + ", ".join(f"`{option}`" for option in options) + "."
    bounds = [f"{word} {field[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in field]
    kinds = [_kind(option) for option in field.get("anyOf", ())]
    types = field.get("type", "")
    said = " or ".join(types) if isinstance(types, list) else types
    return " ".join(filter(None, (said, *bounds, " or ".join(filter(None, kinds)))))


def _events() -> Iterator[str]:
    document = json.loads((SCHEMAS / "asyncapi.json").read_text(encoding="utf-8"))
    yield "# Events and topics\n"
    yield "Every value is one [CloudEvents 1.0](https://cloudevents.io) event in JSON."
    yield "The schemas are in `schemas/`, beside an AsyncAPI document.\n"
    yield "| topic | what |\n|---|---|"
    for channel in document["channels"].values():
        yield f"| `{channel['address']}` | {_cell(channel.get('description', ''))} |"
    yield ""
    for file in sorted(SCHEMAS.glob("*.schema.json")):
        schema = json.loads(file.read_text(encoding="utf-8"))
        data = schema.get("properties", {}).get("data", {})
        if data.get("properties"):
            yield from _section({"description": schema.get("description"), **data}, file.name.removesuffix(".schema.json"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
