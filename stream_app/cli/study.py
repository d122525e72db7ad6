"""`calibrate`: what a shop's own history says about its policy."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_app.cli import show, sources
from stream_app.errors import ConfigError, Failure


def calibrate(
    files: Annotated[list[Path], typer.Argument(help="JSONL, one CloudEvent a line; with --mapping anything else.", show_default=False)],
    policy: Annotated[
        Path | None, typer.Option(help="The shop's policy: its product groups, zone, currency and margin.", show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only events before this date count.  [default: all]", show_default=False)] = None,
    false_alarms: Annotated[float, typer.Option(min=0, max=100, help="So many alarms in a hundred may be false.")] = 20.0,
    out: Annotated[
        Path | None,
        typer.Option(help="Where report.html and policy.yaml go.  [default: calibration; with --json nowhere]", show_default=False),
    ] = None,
    mapping: sources.Mapping = None,
    shop: sources.Shop = None,
    time_zone: sources.TimeZone = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Find the turn-over point in a shop's own history.

    Fits how people buy, weighs false alarms against lag, and proposes a policy.
    """
    try:
        from stream_app.replay.calibrate.report import write_report
        from stream_app.replay.calibrate.run import calibrate as run
    except ModuleNotFoundError as error:
        raise Failure(f"calibrate needs {error.name}: install stream-app[calibrate]") from None

    day = _read_date(until)
    with sources.as_events(files, mapping, shop, time_zone) as events:
        found = run(events, policy, day, false_alarms, show.note)
    folder = out if out is not None or json else Path("calibration")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(write_report(found), encoding="utf-8")
        if found["policy"] is not None:
            (folder / "policy.yaml").write_text(found["policy"], encoding="utf-8")
    if json:
        show.document(found)
        return
    for name, group in found["product_groups"].items():
        show.line(f"{name}: {group['verdict']['text']}")
        for text in _summary(group):
            show.line(f"  {text}")
    assert folder is not None
    show.line(f"report: {folder / 'report.html'}" + ("" if found["policy"] is None else f", policy: {folder / 'policy.yaml'}"))


def _read_date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--until {text}: not a date, such as 2026-03-01") from None


def _summary(group: dict[str, Any]) -> list[str]:
    from stream_app.replay.calibrate.frontier import find_row

    bought = group["purchases"]
    said = [f"{bought['repeat_rate_pct']} % of {bought['customers']} buyers came back"]
    if bought["gap_days"] is not None:
        said.append(f"half of all returns within {bought['gap_days']['p50']:g} days, nine in ten within {bought['gap_days']['p90']:g}")
    if group["hold_out"] is not None and group["hold_out"]["error_pct"] is not None:
        said.append(f"the model foretells the last third of the history to within {abs(group['hold_out']['error_pct'])} %")
    if (place := find_row(group["frontier"], group["proposed"])) >= 0:
        row = group["frontier"][place]
        said.append(f"proposed: {row['method']}, {row['false_alarm_pct']} % false alarms, noticed after {row['lag_median_days']} days")
    return said
