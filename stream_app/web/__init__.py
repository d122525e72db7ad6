"""Shell 3, HTTP: what has become of the customers, for people and programs that ask (page, read API, history database); events in.

Owns: serve.py (the process: database, filling, answers, their end), `history/` (the database), `api/` (the answers), `page/` (the
page's files), `ingest/` (events in). Kafka is handed over as `feed.Topics` and `feed.Log`: the worker's room has them, and cli and
demo put the two together.
Called by: cli, demo.
May import: feed, processor, telemetry, settings, intake, codec, domain, errors; sqlalchemy, aiohttp, pydantic. Neither
worker nor a Kafka client.
Start at: serve.py.
"""
