"""A shop's own table: the mapping that fits it, what a bad row says, and the commands that read it."""

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from stream_app.errors import Failure
from stream_app.intake.document import load_mapping
from stream_app.intake.run import map_files, preview
from tests.agreement.product import PROGRAM

MAPPING = """\
shop: acme
currency: EUR
time_zone: Europe/Amsterdam
time_format: "%d-%m-%Y %H:%M"
decimal_comma: true
delimiter: ";"
events:
  - type: order.placed
    where: {Soort: [verkoop]}
    id: {template: "bon-{Bon}"}
    subject: {column: Klant, lower: true}
    time: Datum
    data:
      order_id: Bon
      total_minor: Bedrag
  - type: contact.made
    where: {Soort: {in: [telefoon, mail]}}
    id: {template: "contact-{Bon}"}
    subject: {column: Klant, lower: true}
    time: Datum
    data:
      channel: {column: Soort, words: {telefoon: phone, mail: email}}
      direction: {value: outbound}
"""

TABLE = """\
Soort;Bon;Klant;Datum;Bedrag
verkoop;1;ANN;01-03-2026 10:15;"1.234,50"
telefoon;2;ann;02-03-2026 10:15;
verkoop;3;bob;03-03-2026 10:15;20,00
retour;4;bob;04-03-2026 10:15;20,00
"""

WRONG = """\
verkoop;5;carl;2026-03-05;20,00
verkoop;6;;05-03-2026 10:15;20,00
verkoop;7;carl;05-03-2026 10:15;20,005
verkoop;8;carl
verkoop;9;carl;05-03-2026 10:15;-5,00
"""

EVENTS = [
    ("order.placed", "bon-1", "ann", "2026-03-01T09:15:00.000Z", {"order_id": "1", "total_minor": 123_450, "currency": "EUR"}),
    ("contact.made", "contact-2", "ann", "2026-03-02T09:15:00.000Z", {"channel": "phone", "direction": "outbound"}),
    ("order.placed", "bon-3", "bob", "2026-03-03T09:15:00.000Z", {"order_id": "3", "total_minor": 2_000, "currency": "EUR"}),
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    (tmp_path / "kassa.csv").write_bytes(b"\xef\xbb\xbf" + TABLE.encode())  # as Excel writes it
    (tmp_path / "policy.yaml").write_text("currency: EUR\n")
    return tmp_path


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, cwd=folder, check=False)


def _events(path: Path) -> list[tuple[object, ...]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return [tuple(event[name] for name in ("type", "id", "subject", "time", "data")) for event in events]


def test_a_table_becomes_events(shop: Path) -> None:
    done = map_files([shop / "kassa.csv"], load_mapping(str(shop / "mapping.yaml")), shop)
    assert (done.events, done.refused) == (3, 0)
    assert _events(done.files[0]) == EVENTS


def test_parquet_with_times_and_numbers_of_its_own(shop: Path) -> None:
    table = pa.table({"Soort": ["verkoop"], "Bon": [1], "Klant": ["ANN"], "Datum": ["01-03-2026 10:15"], "Bedrag": ["1234,50"]})
    parquet.write_table(table, shop / "kassa.parquet")
    done = map_files([shop / "kassa.parquet"], load_mapping(str(shop / "mapping.yaml")), shop)
    assert _events(done.files[0]) == EVENTS[:1]


def test_a_bad_row_is_named_and_all_others_are_used(shop: Path) -> None:
    file = shop / "kassa.csv"
    file.write_text(TABLE + WRONG)
    done = map_files([file], load_mapping(str(shop / "mapping.yaml")), shop)
    assert (done.events, done.refused) == (3, 5)
    assert [text.removeprefix(f"{file}:") for text in done.complaints] == [
        "6: time: Datum is no time of the form %d-%m-%Y %H:%M",
        "7: subject: Klant is empty",
        "8: data.total_minor: Bedrag has more decimals than EUR has (2)",
        "9: not a row: it is no JSON object, or has more or fewer cells than the head has names",
        next(text for text in done.complaints if ":10:" in text).removeprefix(f"{file}:"),
    ]
    assert "total_minor" in done.complaints[4]  # what a worker would say
    assert not any("carl" in text for text in done.complaints)


def test_replay_reads_the_table(shop: Path) -> None:
    done = map_files([shop / "kassa.csv"], load_mapping(str(shop / "mapping.yaml")), shop)
    (shop / "events.jsonl").write_bytes(done.files[0].read_bytes())
    for name, arguments in (("direct", ["events.jsonl"]), ("mapped", ["kassa.csv", "--mapping", "mapping.yaml"])):
        told = _run(shop, "replay", *arguments, "--policy", "policy.yaml", "--out", name)
        assert told.returncode == 0, told.stderr
    assert (shop / "mapped").read_bytes() == (shop / "direct").read_bytes() != b""


def test_a_dry_run_shows_the_first_events_and_publishes_nothing(shop: Path) -> None:
    told = _run(shop, "publish", "kassa.csv", "--mapping", "mapping.yaml", "--dry-run")  # no broker is there
    assert told.returncode == 0, told.stderr
    assert [json.loads(line)["id"] for line in told.stdout.splitlines()] == ["bon-1", "contact-2", "bon-3"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["replay", "kassa.csv", "--policy", "policy.yaml"], 1, "give --mapping"),
        (
            ["replay", "kassa.csv", "--policy", "policy.yaml", "--mapping", "none"],
            1,
            "none: no mapping; give a YAML file, or one of ga4, segment",
        ),
        (["replay", "kassa.csv", "--policy", "policy.yaml", "--mapping", "shopify"], 1, "shopify: names no shop; give --shop"),
        (["replay", "kassa.csv", "--policy", "policy.yaml", "--shop", "acme"], 2, "--shop belongs to --mapping"),
        (["publish", "kassa.csv", "--dry-run"], 2, "give --mapping"),
        (["publish", "kassa.csv", "--dry-run", "--mapping", "segment"], 1, "segment: names no shop"),
    ],
)
def test_wrong_usage_is_told_in_one_line(shop: Path, arguments: list[str], status: int, words: str) -> None:
    told = _run(shop, *arguments)
    assert (told.returncode, told.stderr.count("\n")) == (status, 1)
    assert words in told.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("shop: a/b", "shop: "),
        ("currency: EURO", "currency: must be a code of ISO 4217"),
        ("time_zone: Mars", "time_zone: must be an IANA time zone"),
        ("colour: red", "colour: Extra inputs are not permitted"),
        ("events: [{type: order.paid, id: a, subject: b, time: c}]", "events.0.type: must be one of contact.made, "),
        ("events: [{type: order.placed, id: {column: a, value: 1}, subject: b, time: c}]", "needs one of column, template and value"),
        ("events: []", "events: "),
        ("events: [{type: order.placed, id: a, subject: b, time: c, where: []}]", "events.0.where: List should have at least 1 item"),
        ("events: [{type: order.placed, id: a, subject: b, time: c, where: [a]}]", "events.0.where.0: Input should be a valid dictionary"),
        (
            "events: [{type: order.placed, id: a, subject: b, time: c, where: [{a: 1}, {b: {is: 2}}]}]",
            "events.0.where.1.b.is: Extra inputs are not permitted",
        ),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path: Path, change: str, words: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(MAPPING) | yaml.safe_load(change)))
    with pytest.raises(Failure) as told:
        load_mapping(str(file))
    assert words in str(told.value)


def test_of_several_sets_of_tests_one_must_hold_and_makes_one_event(shop: Path) -> None:
    mapping = yaml.safe_load(MAPPING)
    mapping["events"] = [mapping["events"][0] | {"where": [{"Soort": "verkoop", "Klant": "bob"}, {"Bon": [1, 3]}, {"Soort": "ruil"}]}]
    (shop / "m.yaml").write_text(yaml.safe_dump(mapping))
    done = map_files([shop / "kassa.csv"], load_mapping(str(shop / "m.yaml")), shop)
    assert [event[1] for event in _events(done.files[0])] == ["bon-1", "bon-3"]


def test_a_preview_without_events_says_what_may_be_wrong(shop: Path) -> None:
    (shop / "kassa.csv").write_text("Type;Bon\nverkoop;1\n")
    with pytest.raises(Failure, match="compare the names of the columns"):
        preview([shop / "kassa.csv"], load_mapping(str(shop / "mapping.yaml")), 5)
