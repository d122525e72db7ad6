"""The commands as programs see them: words, exit statuses, one line on standard error, `--json` alone on standard output."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stream_app import __version__

COMMANDS = [
    "demo",
    "broker",
    "topics",
    "topics create",
    "policy",
    "policy init",
    "policy check",
    "policy publish",
    "policy show",
    "policy list",
    "policy rollback",
    "policy delete",
    "publish",
    "worker",
    "ingest",
    "watch",
    "explain",
    "doctor",
    "dead-letters",
    "dead-letters list",
    "dead-letters show",
    "dead-letters replay",
    "webhooks",
    "replay",
    "schemas",
]
NOBODY = {"STREAM_APP_BROKER": "127.0.0.1:1"}
POLICY = "currency: EUR\n"


def run(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_APP_")}
    return subprocess.run(
        [sys.executable, "-m", "stream_app", *words],
        cwd=cwd,
        env={**clean, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def only_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    done = run(*command.split(), "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: stream-app {command}")


def test_help_of_the_program_names_every_command_and_is_quick(tmp_path: Path) -> None:
    started = time.monotonic()
    done = run("--help", cwd=tmp_path)
    assert time.monotonic() - started < 5, "a heavy room is imported"
    assert [name for name in COMMANDS if f"  {name.split()[0]} " not in done.stdout] == []


def test_version(tmp_path: Path) -> None:
    done = run("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"stream-app {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [
        "unknown",
        "publish",
        "broker --port 0",
        "broker --port x",
        "topics create --partitions 0",
        "watch --nothing",
        "explain acme",
        "explain ac/me c",
        "explain acme c\x07",
        "replay a.jsonl",
        "policy check",
        "policy rollback",
        "policy rollback acme --to",
        "policy delete",
        "dead-letters show",
        "dead-letters show first",
        "dead-letters list --code nonsense",
        "dead-letters replay 0:1 0:x",
        "dead-letters list --since yesterday",
        "webhooks",
        "webhooks none.yaml --check",
    ],
)
def test_wrong_usage_is_2_and_one_line(words: str, tmp_path: Path) -> None:
    done = run(*words.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert only_line(done.stderr).startswith("stream-app: ")


@pytest.mark.parametrize("words", ["", "topics", "policy", "dead-letters"])
def test_no_command_shows_the_usage_and_is_2(words: str, tmp_path: Path) -> None:
    done = run(*words.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: stream-app")


@pytest.mark.parametrize("words", ["topics create", "worker", "ingest", "watch", "explain acme c", "doctor", "policy show", "demo"])
def test_a_wrong_setting_is_2_and_names_the_variable(words: str, tmp_path: Path) -> None:
    done = run(*words.split(), cwd=tmp_path, env={"STREAM_APP_GRACE_MS": "soon"})
    assert (done.returncode, done.stdout) == (2, "")
    assert only_line(done.stderr).startswith("stream-app: STREAM_APP_GRACE_MS: ")


@pytest.mark.parametrize(
    "words",
    [
        "topics create",
        "worker",
        "ingest",
        "watch",
        "explain acme c",
        "policy show",
        "policy list",
        "policy rollback a",
        "policy delete a",
        "policy publish p.yaml",
        "publish e.jsonl",
    ],
)
def test_an_unreachable_broker_is_1_and_one_line_in_time(words: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "e.jsonl").write_text("{}\n")
    started = time.monotonic()
    done = run(*words.split(), cwd=tmp_path, env=NOBODY)
    assert time.monotonic() - started < 15
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1:1" in only_line(done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        "policy check no.yaml",
        "policy publish no.yaml",
        "publish no.jsonl",
        "replay no.jsonl --policy no.yaml",
        "schemas --check --dir nowhere",
    ],
)
def test_a_missing_file_is_1_and_one_line(words: str, tmp_path: Path) -> None:
    done = run(*words.split(), cwd=tmp_path, env=NOBODY)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no" in only_line(done.stderr)


def test_a_wrong_time_is_wrong_usage(tmp_path: Path) -> None:
    done = run("replay", "a.jsonl", "--policy", "p.yaml", "--until", "yesterday", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--until yesterday" in only_line(done.stderr)


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59.999-23:59", "0000-01-01T00:00:00+23:59"])
def test_an_end_that_no_answer_can_name_is_wrong_usage(until: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "e.jsonl").write_text("")
    done = run("replay", "e.jsonl", "--policy", "p.yaml", "--until", until, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--until {until}" in only_line(done.stderr)


@pytest.mark.parametrize("name", ["e.jsonl", "p.yaml"])
def test_a_replay_overwrites_nothing_it_reads(name: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "e.jsonl").write_text("{}\n")
    before = (tmp_path / name).read_bytes()
    done = run("replay", "e.jsonl", "--policy", "p.yaml", "--out", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--out" in only_line(done.stderr)
    assert (tmp_path / name).read_bytes() == before


def test_watch_knows_its_types(tmp_path: Path) -> None:
    done = run("watch", "--type", "status.changes", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "status.changed" in only_line(done.stderr)


def test_as_given_no_watermark_leads_beyond_the_end(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    lines = [
        _event("order.placed", "2026-01-01T00:00:00Z", {"order_id": "o", "currency": "EUR", "total_minor": 1}),
        "   ",  # a line of blanks is no event
        _event("watermark", "2026-10-01T00:00:00Z", {}, subject=None),
        _event("interest.shown", "2026-01-02T00:00:00Z", {"kind": "quote"}),
    ]
    (tmp_path / "e.jsonl").write_text("\n".join(lines) + "\n")
    done = run("replay", "e.jsonl", "--policy", "p.yaml", "--as-given", "--until", "2026-01-10T00:00:00Z", cwd=tmp_path)
    assert done.returncode == 0
    times = [json.loads(line)["event"]["time"] for line in done.stdout.splitlines()]
    assert times
    assert max(times) == "2026-01-10T00:00:00.000Z", "the profile, and nothing later"


def _event(kind: str, time_: str, data: dict[str, object], subject: str | None = "c-1") -> str:
    about = {} if subject is None else {"subject": subject}
    return json.dumps({"specversion": "1.0", "id": time_, "source": "/shops/acme", "type": kind, "time": time_, **about, "data": data})


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    event = {
        "specversion": "1.0",
        "id": "e",
        "source": "/shops/a",
        "type": "interest.shown",
        "subject": "c",
        "time": "2024-01-01T00:00:00Z",
    }
    line = json.dumps({**event, "data": {"kind": "quote"}}).encode() + b"\r\n"
    (tmp_path / "plain.jsonl").write_bytes(line)
    (tmp_path / "marked.jsonl").write_bytes(b"\xef\xbb\xbf" + line)
    written = [run("replay", f"{name}.jsonl", "--policy", "p.yaml", cwd=tmp_path).stdout for name in ("plain", "marked")]
    assert written[0] == written[1]
    assert "dead-letters" not in written[0]


def test_an_unknown_data_set_is_wrong_usage(tmp_path: Path) -> None:
    done = run("demo", "--dataset", "nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing" in only_line(done.stderr)


def test_the_template_is_a_policy_and_overwrites_nothing(tmp_path: Path) -> None:
    assert run("policy", "init", "p.yaml", cwd=tmp_path).returncode == 0
    assert run("policy", "init", "calibration/p.yaml", cwd=tmp_path).returncode == 0, "as the guide says it to those who skip a step"
    assert run("policy", "init", cwd=tmp_path).stdout.rstrip() == (tmp_path / "p.yaml").read_text().rstrip()
    assert run("policy", "check", "p.yaml", cwd=tmp_path).returncode == 0
    done = run("policy", "init", "p.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "already there" in only_line(done.stderr)


def test_a_policy_for_a_goal_in_a_sector_overwrites_nothing_either(tmp_path: Path) -> None:
    options = ("--goal", "growth", "--sector", "b2b-wholesale")
    assert run("policy", "init", "p.yaml", *options, cwd=tmp_path).returncode == 0
    text = (tmp_path / "p.yaml").read_text()
    assert "# Goal growth: " in text
    assert "# Sector b2b-wholesale: " in text
    assert run("policy", "check", "p.yaml", cwd=tmp_path).returncode == 0
    assert run("policy", "init", "p.yaml", cwd=tmp_path).returncode == 1
    assert (tmp_path / "p.yaml").read_text() == text
    done = run("policy", "init", "q.yaml", "--goal", "fame", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "highest-value" in only_line(done.stderr)
    assert not (tmp_path / "q.yaml").exists()


def test_policy_check_prints_one_json_line(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("shop: acme\nversion: 3\n" + POLICY)
    done = run("policy", "check", "p.yaml", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(only_line(done.stdout))
    assert (found["file"], found["shop"], found["version"]) == ("p.yaml", "acme", 3)


def test_a_bad_policy_is_1_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("currency: EUR\nmargin: 3\n")
    done = run("policy", "check", "p.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "p.yaml:2" in done.stderr
    assert "Traceback" not in done.stderr


def test_broker_refuses_a_held_port_in_one_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("broker", "--port", str(port), "--data", str(tmp_path / "data"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(port) in only_line(done.stderr)
