"""The chart, rendered by Helm's own library: valid Kubernetes, safe pods, the topics and rights that the code asks for, the same rules."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from stream_app.settings import Settings, load_settings
from stream_app.worker.doctor.rights import DESCRIBE, DESCRIBE_CONFIGS, READ, WRITE, _needed
from stream_app.worker.topics import INPUTS, insights_group, topics_of, webhook_retries_name
from stream_app.worker.watch import TOPICS as SENT
from tests.deploy.chart import CHART, EVERYTHING, ChartError, Manifest, lint, of, render
from tests.deploy.monitor import ROOT, RULES, promtool
from tests.deploy.operators import SPECS

KUBERNETES = ("1.29", "1.33")
OPERATIONS = {READ: "Read", WRITE: "Write", DESCRIBE: "Describe", DESCRIBE_CONFIGS: "DescribeConfigs"}


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return render(EVERYTHING)


@pytest.fixture(scope="module")
def plain() -> list[Manifest]:
    return render()


def test_helm_has_nothing_to_say_against_it() -> None:
    said = lint()
    assert said["errors"] == []
    assert [message for message in said["messages"] if message["severity"] > 1] == []


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_manifest_is_valid(everything: list[Manifest], plain: list[Manifest], version: str) -> None:
    kinds = set()
    for manifest in [*everything, *plain]:
        kinds.add(manifest["kind"])
        spec = SPECS.get((manifest["apiVersion"], manifest["kind"]))
        if spec is None:
            kubernetes_validate.validate(manifest, version, strict=True)
        else:
            jsonschema.validate(manifest["spec"], spec)
    assert kinds >= {"StatefulSet", "Deployment", "Job", "PodDisruptionBudget", "NetworkPolicy", *(kind for _, kind in SPECS)}


def test_what_is_not_valid_is_noticed(plain: list[Manifest]) -> None:
    (worker,) = of("StatefulSet", plain)
    broken = json.loads(json.dumps(worker))
    broken["spec"]["template"]["spec"]["containers"][0]["readinessprobe"] = {}
    with pytest.raises(jsonschema.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)


def test_what_needs_operators_of_others_is_off_until_it_is_asked_for(plain: list[Manifest]) -> None:
    assert not {kind for _, kind in SPECS} & {manifest["kind"] for manifest in plain}


@pytest.mark.parametrize(
    "values",
    [
        {"worker": {"replica": 3}},
        {"kafka": {"brokers": "kafka"}},
        {"serve": {"replicas": 2}},
        {"settings": {"BROKER": "x:1"}},
        {"settings": {"STREAM_APP_NONSENSE": "1"}},
        {"settings": {"STREAM_APP_SERVE_TOKEN": "a secret that all who may read the pod would see"}},
        {"kafka": {"brokers": "kafka:65536"}},
        {"worker": {"storage": {"size": "0Gi"}}},
        {"worker": {"tolerations": [5]}},
        {"worker": {"resources": {"nonsense": 1}}},
        {"serviceMonitor": {"interval": "0s"}},
        {"strimzi": {"users": {"authentication": "none"}}},
    ],
    ids=str,
)
def test_values_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ChartError, match=r"(?i)schema|additional|pattern|does not match|must be"):
        render(values)


def test_settings_are_all_that_are_no_secrets() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    plain = {f"STREAM_APP_{name.upper()}" for name, field in Settings.model_fields.items() if "SecretStr" not in str(field.annotation)}
    assert set(schema["properties"]["settings"]["propertyNames"]["enum"]) == plain
    assert render({"settings": {"STREAM_APP_GRACE_MS": "0"}})


def pods(manifests: list[Manifest]) -> list[dict[str, Any]]:
    found = [manifest["spec"]["template"]["spec"] for manifest in manifests if manifest["kind"] in {"StatefulSet", "Deployment", "Job"}]
    assert len(found) >= 2
    return found


def test_pods_have_no_root_no_privileges_and_a_read_only_root(everything: list[Manifest], plain: list[Manifest]) -> None:
    for pod in [*pods(everything), *pods(plain)]:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
            assert written == {"/data", "/tmp"}
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted - {"data"} == {volume["name"] for volume in pod["volumes"]} - {"data"}
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_every_setting_is_one_of_ours_and_secrets_are_secrets(protocol: str) -> None:
    values = {**EVERYTHING, "kafka": {"security": {"protocol": protocol, "caSecret": "kafka-cluster-ca-cert"}}}
    for pod in [*pods(render(values)), *pods(render({"kafka": values["kafka"]}))]:
        for variable in pod["containers"][0]["env"]:
            name = variable["name"].removeprefix("STREAM_APP_").lower()
            assert name in Settings.model_fields
            is_secret = "SecretStr" in str(Settings.model_fields[name].annotation)
            assert is_secret == ("secretKeyRef" in variable.get("valueFrom", {})), name


def environment(manifest: Manifest) -> dict[str, Any]:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return {variable["name"].removeprefix("STREAM_APP_"): variable for variable in container["env"]}


def test_each_part_logs_in_to_kafka_as_the_user_that_strimzi_makes_for_it() -> None:
    values = {**EVERYTHING, "kafka": {"security": {"protocol": "SASL_SSL", "caSecret": "authority"}}}
    manifests = render(values)
    users = {user["metadata"]["name"] for user in of("KafkaUser", manifests)}
    parts = [*of("StatefulSet", manifests), *of("Deployment", manifests)]
    assert {part["metadata"]["name"] for part in parts} == users - {"demo-operator"}
    for part in parts:
        env = environment(part)
        assert env["SASL_USERNAME"]["value"] == part["metadata"]["name"]
        assert env["SASL_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": part["metadata"]["name"], "key": "password"}
        assert env["SSL_CAFILE"]["value"] == "/etc/kafka-ca/ca.crt"
        assert "SSL_CERTFILE" not in env


def test_each_part_shows_its_certificate_to_kafka() -> None:
    manifests = render({"kafka": {"security": {"protocol": "SSL", "caSecret": "authority"}}})
    (worker,) = of("StatefulSet", manifests)
    secrets = {
        volume["name"]: volume["secret"]["secretName"] for volume in worker["spec"]["template"]["spec"]["volumes"] if "secret" in volume
    }
    assert secrets == {"kafka-ca": "authority", "kafka-user": "demo-worker"}
    env = environment(worker)
    assert (env["SSL_CERTFILE"]["value"], env["SSL_KEYFILE"]["value"]) == ("/etc/kafka-user/user.crt", "/etc/kafka-user/user.key")
    assert "SASL_USERNAME" not in env


def test_a_worker_keeps_its_store_and_its_place_in_the_group(plain: list[Manifest]) -> None:
    (worker,) = of("StatefulSet", plain)
    assert worker["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    env = {variable["name"]: variable for variable in container["env"]}
    assert env["STREAM_APP_INSTANCE"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", "a restore may last: not ready is no reason to kill it"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert str(ports["metrics"]) == env["STREAM_APP_METRICS_PORT"]["value"]
    assert str(ports["insights"]) == env["STREAM_APP_INSIGHTS_METRICS_PORT"]["value"]


def test_the_topics_are_those_that_the_program_creates(everything: list[Manifest], tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    made = {topic["spec"]["topicName"]: topic["spec"] for topic in of("KafkaTopic", everything)}
    wanted = {topic.name: topic for topic in topics_of(settings)}
    assert set(made) == set(wanted)
    for name, topic in wanted.items():
        assert made[name]["config"] == {**topic.initial, **topic.configs}, name
        assert made[name]["partitions"] == (topic.fixed or 8), name
    assert len({topic["metadata"]["name"] for topic in of("KafkaTopic", everything)}) == len(made)


def test_retention_and_names_follow_the_values(tmp_path: Path) -> None:
    values = {
        "kafka": {"id": "Shop_1", "topicPrefix": "eu."},
        "strimzi": {"topics": {"enabled": True, "retentionDays": 400}, "users": {"enabled": True}},
    }
    settings = load_settings(data_dir=tmp_path, id="Shop_1", topic_prefix="eu.", retention_days=400)
    manifests = render(values)
    made = {topic["spec"]["topicName"]: topic["spec"]["config"] for topic in of("KafkaTopic", manifests)}
    assert made == {settings.topic(topic.name): {**topic.initial, **topic.configs} for topic in topics_of(settings)}
    for manifest in manifests:
        assert manifest["metadata"]["name"] == manifest["metadata"]["name"].lower()
    topics = {acl["resource"]["name"] for user in of("KafkaUser", manifests) for acl in acls(user) if acl["resource"]["type"] == "topic"}
    assert topics == set(made)


def acls(user: Manifest) -> list[dict[str, Any]]:
    return list(user["spec"]["authorization"]["acls"])


def rights(user: Manifest, kind: str) -> dict[str, set[str]]:
    return {acl["resource"]["name"]: set(acl["operations"]) for acl in acls(user) if acl["resource"]["type"] == kind}


def test_a_worker_may_do_what_the_doctor_asks_for_and_no_more(everything: list[Manifest], tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    users = {user["metadata"]["name"]: user for user in of("KafkaUser", everything)}
    worker = users["demo-worker"]
    # A topic that a command keeps is only looked at, when a worker begins.
    looked_at = [DESCRIBE, DESCRIBE_CONFIGS]
    needed = {topic.name: {OPERATIONS[right] for right in (looked_at if topic.aside else _needed(topic))} for topic in topics_of(settings)}
    assert rights(worker, "topic") == needed
    assert rights(worker, "group") == {settings.id: {"Read"}, insights_group(settings): {"Read"}}
    assert rights(worker, "transactionalId") == {f"{settings.id}-": {"Write", "Describe"}}
    for name, most in (("demo-serve", {"Describe", "Read"}), ("demo-ingest", {"Describe", "Write"})):
        assert set().union(*rights(users[name], "topic").values()) == most
    assert not [user for user in users.values() if rights(user, "cluster")]
    writes = {name for name, operations in rights(users["demo-webhooks"], "topic").items() if "Write" in operations}
    assert writes == {webhook_retries_name(settings)}
    assert set(rights(users["demo-ingest"], "topic")) == {"orders", "contacts"}
    assert set(rights(users["demo-webhooks"], "topic")) == {*SENT, webhook_retries_name(settings)}
    assert set(rights(users["demo-serve"], "topic")) == {*INPUTS, *SENT, "customer-profiles", "insights", "policies"}
    read = {name for name, operations in rights(users["demo-operator"], "topic").items() if "Read" in operations}
    assert "dead-letters" in read, "who replays them sees what was refused, and nobody else"


def test_the_rules_are_the_same_file(everything: list[Manifest], tmp_path: Path) -> None:
    (rule,) = of("PrometheusRule", everything)
    assert rule["spec"] == yaml.safe_load(RULES.read_text())
    (tmp_path / "given.yml").write_text(yaml.safe_dump(rule["spec"]))
    promtool("check", "rules", str(tmp_path / "given.yml"))


def test_the_dashboards_are_the_same_files(everything: list[Manifest]) -> None:
    (given,) = [manifest for manifest in of("ConfigMap", everything) if manifest["metadata"]["name"].endswith("-dashboards")]
    files = {file.name: json.loads(file.read_text()) for file in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")}
    assert {name.removeprefix("stream-app-"): json.loads(text) for name, text in given["data"].items()} == files


def test_the_jobs_of_the_service_monitors_are_those_of_the_alerts(everything: list[Manifest]) -> None:
    monitors = {monitor["metadata"]["name"]: monitor["spec"] for monitor in of("ServiceMonitor", everything)}
    assert set(monitors) == {"demo-worker", "demo-ingest", "demo-webhooks"}
    for service in of("Service", everything):
        name, labels = service["metadata"]["name"], service["metadata"]["labels"]
        if name not in monitors:
            continue
        assert labels[monitors[name]["jobLabel"]] == f"stream-app-{name.removeprefix('demo-')}"
        assert monitors[name]["selector"]["matchLabels"].items() <= labels.items()
        assert {endpoint["port"] for endpoint in monitors[name]["endpoints"]} <= {port["name"] for port in service["spec"]["ports"]}
    assert monitors["demo-worker"]["endpoints"][1]["relabelings"] == [{"targetLabel": "job", "replacement": "stream-app-insights"}]


def test_no_more_workers_than_partitions_are_asked_for(everything: list[Manifest]) -> None:
    (scaled,) = of("ScaledObject", everything)
    (worker,) = of("StatefulSet", everything)
    assert scaled["spec"]["maxReplicaCount"] == 8
    assert "replicas" not in worker["spec"], "two would decide"


def test_keys_of_endpoints_lie_beside_their_file() -> None:
    manifests = render({"webhooks": {"enabled": True, "keys": ["klaviyo", "crm.key"]}})
    (webhooks,) = [one for one in of("Deployment", manifests) if one["metadata"]["name"] == "demo-webhooks"]
    kubernetes_validate.validate(webhooks, KUBERNETES[0], strict=True)
    spec = webhooks["spec"]["template"]["spec"]
    (volume,) = [one for one in spec["volumes"] if one["name"] == "endpoints"]
    assert {item["key"]: item["path"] for item in volume["secret"]["items"]} == {
        name: name for name in ("webhooks.yaml", "klaviyo", "crm.key")
    }
    assert ("endpoints", "/etc/stream-app") in {(mount["name"], mount["mountPath"]) for mount in spec["containers"][0]["volumeMounts"]}


def test_the_versions_are_the_programs() -> None:
    from stream_app import __version__

    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
