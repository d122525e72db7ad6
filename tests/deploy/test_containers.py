"""docker-compose.yml and the Dockerfile: valid, and as safe and as restartable as they promise; no Docker is needed to see that."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.demo.jars import VERSION
from stream_app.settings import Settings, load_settings
from stream_app.web.serve import check_serving
from tests.deploy.monitor import ROOT, promtool

BIN = Path(sys.executable).parent
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
OURS = ("topics", "worker", "serve", "ingest", "webhooks")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def run(*command: str) -> None:
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_valid() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))


def test_a_compose_file_that_is_not_valid_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE.read_text().replace("depends_on:", "depends:", 1))
    with pytest.raises(AssertionError, match="depends"):
        run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(broken))


def test_the_dockerfile_has_no_complaint_of_its_linter(tmp_path: Path) -> None:
    run("hadolint", str(DOCKERFILE))
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp && sudo pip install x\n")
    with pytest.raises(AssertionError, match="DL"):
        run("hadolint", str(tmp_path / "Dockerfile"))


def test_the_image_runs_as_nobody_in_particular_and_has_no_compiler() -> None:
    build, final = re.split(r"^FROM ", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]
    assert "gcc" in build
    assert "apt-get" not in final
    assert re.search(r"^USER (\d+):\1$", final, re.MULTILINE)[1] != "0"  # type: ignore[index]
    assert re.findall(r"^VOLUME (.+)$", final, re.MULTILINE) == ["/data"]
    assert "STREAM_APP_DATA_DIR=/data" in final
    for name in re.findall(r"STREAM_APP_([A-Z_]+)=", final):
        assert name.lower() in Settings.model_fields, name


def test_the_image_gets_only_what_it_is_made_of() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "*" in ignored
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE) for name in line.split()}
    assert {name.removeprefix("!") for name in ignored if name.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_our_services_have_a_read_only_root_and_no_privileges() -> None:
    for name in OURS:
        service = services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "/tmp" in service["tmpfs"]
        assert not service.get("privileged")


def test_whatever_goes_on_running_is_asked_for_its_health_and_waited_for() -> None:
    found = services()
    for name, service in found.items():
        if name == "topics":
            assert service["restart"] == "no"
            continue
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD", f"{name}: a shell is not needed, and may not be there"
    assert found["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"
    for name in set(OURS) - {"topics"}:
        assert found[name]["depends_on"]["topics"]["condition"] == "service_completed_successfully"


def test_a_worker_can_be_scaled() -> None:
    """Nothing of it may be there only once: no name, no published port, no shared volume."""
    worker = services()["worker"]
    assert not {"container_name", "ports"} & set(worker)
    assert worker["volumes"] == ["/data"]


def test_ports_are_published_on_this_machine_alone_and_volumes_are_declared() -> None:
    found = compose()
    for name, service in found["services"].items():
        for port in service.get("ports", ()):
            assert port.startswith("${PUBLISH_ON:-127.0.0.1}:"), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists() or name in service.get("profiles", ()), "a file of the operator's own"
            else:
                assert source in found["volumes"] or volume == "/data"


def test_one_file_has_every_variable_and_no_secret() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))
    example = (ROOT / ".env.example").read_text()
    given = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    assert set(given) == asked
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))
    assert required | {"STREAM_APP_INGEST_KEYS"} == {name for name, value in given.items() if not value}
    assert not subprocess.run(["git", "ls-files", "--error-unmatch", ".env"], cwd=ROOT, capture_output=True, check=False).stdout


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_of_ours_and_can_be_used(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in services()[name]["environment"].items():
        assert variable.removeprefix("STREAM_APP_").lower() in Settings.model_fields
        monkeypatch.setenv(variable, re.sub(r"\$\{[^}]+\}", "a-secret-of-24-characters", value))
    settings = load_settings()
    assert settings.broker == "kafka:9092"
    if name == "serve":
        assert check_serving(settings) == "a-secret-of-24-characters"


def test_kafka_is_the_one_that_the_tests_run_on() -> None:
    assert services()["kafka"]["image"] == f"apache/kafka:{VERSION}"


def test_prometheus_finds_the_workers_at_the_ports_that_they_have() -> None:
    config = COMPOSE.parent / "deploy" / "prometheus" / "prometheus.yml"
    assert "SUCCESS" in promtool("check", "config", str(config))
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in yaml.safe_load(config.read_text())["scrape_configs"]}
    for name in ("worker", "ingest", "webhooks"):
        job = jobs.pop(f"stream-app-{name}")
        assert (job["names"], job["port"]) == ([name], int(services()[name]["environment"]["STREAM_APP_METRICS_PORT"]))
    worker = services()["worker"]["environment"]
    (insights,) = jobs.values()
    assert (insights["names"], insights["port"]) == (["worker"], int(worker["STREAM_APP_INSIGHTS_METRICS_PORT"]))
