"""The Faust app: how Faust is set up so that it frames the engine and does nothing behind its back."""

from typing import TYPE_CHECKING, Any

import faust
from faust.app.base import BootStrategy

from stream_app.engine.connection import client_options
from stream_app.engine.host.table import Table, TableManager
from stream_app.engine.host.transport import Transport
from stream_app.settings import Settings

if TYPE_CHECKING:
    from stream_app.engine.stream import Engine


class _Boot(BootStrategy):
    enable_kafka_producer = False
    enable_web = False


class FaustApp(faust.App):
    """The Faust app with the engine's own transport."""

    BootStrategy = _Boot
    mundane_level = "debug"
    engine: "Engine"
    client: dict[str, Any]
    """How the cluster is reached; Faust's own `broker` is only what it says in its log."""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


def build_app(engine: "Engine", settings: Settings) -> FaustApp:
    """The app of `engine`: one agent over all inputs, one table, and nothing that Faust would do by itself."""
    topology = engine.topology
    session_s = settings.session_timeout_ms / 1000
    app = FaustApp(
        settings.id,
        broker=";".join(f"kafka://{address}" for address in settings.brokers),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        canonical_url=f"http://worker/{settings.instance}",
        datadir=settings.data_dir / "faust",
        agent_supervisor="mode.CrashingSupervisor",
        Table=Table,
        TableManager=TableManager,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=topology.partitions,
        stream_wait_empty=False,
        stream_publish_on_commit=False,
        stream_recovery_delay=0.0,
        stream_buffer_maxsize=64,
        consumer_group_instance_id=settings.instance or None,
        broker_client_id="stream-app",
        broker_session_timeout=session_s,
        broker_heartbeat_interval=max(0.3, session_s / 10),
        broker_request_timeout=max(40.0, session_s + 5),
        broker_rebalance_timeout=max(20.0, session_s),
    )
    app.engine = engine
    app.client = client_options(settings)
    raw: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
    changelog = app.topic(topology.changelog, partitions=topology.partitions, acks=False, internal=True, compacting=True, **raw)
    app.Table(topology.table, partitions=topology.partitions, changelog_topic=changelog, key_type=bytes, value_type=bytes)
    batches = app.topic(*topology.input_wires, partitions=topology.partitions, acks=False, **raw)

    @app.agent(batches, name="partitions")
    async def deliver(stream: Any) -> None:
        async for event in stream.events():
            try:
                engine.deliver(event.message)
            except Exception as error:  # noqa: BLE001 - an agent that dies is started again by Faust, and must not be
                engine.fail(error)

    return app
