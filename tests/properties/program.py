"""The replay's entry point, called in this process on files in a temporary folder."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from stream_app.replay.run import replay
from tests.agreement.product import Output, read


def run(events: list[dict[str, Any]], document: dict[str, Any], until_ms: int | None = None, *, as_given: bool = False) -> Output:
    """What the replay says of these events under this policy."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        history, policy, out = folder / "history.jsonl", folder / "policy.yaml", folder / "out.jsonl"
        history.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
        policy.write_text(yaml.safe_dump(document), encoding="utf-8")
        replay([history], policy, out, until_ms, as_given=as_given)
        return read(out)
