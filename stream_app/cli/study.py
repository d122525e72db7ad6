"""`calibrate` and `compare`: what a shop's own history says about its policy, and about another one."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_app.cli import show, sources
from stream_app.cli.live import from_topics
from stream_app.errors import ConfigError, Failure

_ROWS_MAX = 5


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
    folder = out if out is not None or json else Path("calibration")
    with sources.as_events(files, mapping, shop, time_zone) as events:
        found = run(events, policy, day, false_alarms, show.note)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "report.html").write_text(write_report(found), encoding="utf-8")
            if found["policy"] is not None:
                (folder / "policy.yaml").write_text(found["policy"], encoding="utf-8")
        _tell_calibration(found, folder, json=json)


def _tell_calibration(found: dict[str, Any], folder: Path | None, *, json: bool) -> None:
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


def compare(
    policy: Annotated[list[Path], typer.Option(help="Twice: A, as a rule the one in force, and B.", show_default=False)],
    files: Annotated[
        list[Path] | None, typer.Argument(help="JSONL, one CloudEvent a line; with --mapping anything else.", show_default=False)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Instead of files: what was published up to now; given once, --policy is B, and A is in force.")
    ] = False,
    until: Annotated[
        str | None, typer.Option(help="Time ends here, RFC 3339.  [default: the latest accepted event]", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the HTML report goes.  [default: comparison.html; with --json nowhere]", show_default=False)
    ] = None,
    mapping: sources.Mapping = None,
    shop: Annotated[
        str | None, typer.Option("--shop", help="With --mapping: whose files they are. With --live: whose events.", show_default=False)
    ] = None,
    time_zone: sources.TimeZone = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Show what another policy would have done.

    Replays the same events under both: who ends up where, when they move, false alarms, win-back and costs. With --live these are
    the events in the topics, and each policy counts as live from the first of them on.
    """
    from stream_app.replay.compare.report import write_report
    from stream_app.replay.compare.run import compare as run

    page = out if out is not None or json else Path("comparison.html")
    if live:
        if files or mapping or time_zone:
            raise ConfigError("--live reads the topics: name no files and no mapping")
        with from_topics(policy, shop, sources.read_until(until)) as seen:
            found = run(seen.files, *seen.policies, seen.until_ms, show.note)
        if page is not None:
            page.write_text(write_report(found, *seen.names), encoding="utf-8")
        _tell_comparison(found, page, json=json)
        return
    if not files:
        raise ConfigError("name the files, or give --live for what was published up to now")
    if len(policy) != 2:
        raise ConfigError(f"--policy is given {len(policy)} times: give it twice, A and B")
    with sources.as_events(files, mapping, shop, time_zone) as events:
        found = run(events, policy[0], policy[1], sources.read_until(until), show.note)
        if page is not None:
            page.write_text(write_report(found, policy[0].name, policy[1].name), encoding="utf-8")
        _tell_comparison(found, page, json=json)


def _tell_comparison(found: dict[str, Any], page: Path | None, *, json: bool) -> None:
    if json:
        show.document(found)
        return
    difference = found["difference"]
    if difference["is_same"]:
        show.line("no difference")
    for name, pair in difference["figures"].items():
        show.line(f"{name}: {pair['a']} under A, {pair['b']} under B")
    for dimension, rows in difference["transitions"].items():
        for row in rows[:_ROWS_MAX]:
            show.line(f"{dimension}: {row['customers']} customers {row['a'] or 'none'} under A, {row['b'] or 'none'} under B")
    show.line(f"report: {page}")
