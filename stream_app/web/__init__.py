"""Shell 3: what has become of the customers, for people and programs that ask: the page, the read API, the history database.

Owns: serve.py (the process: database, filling, answers, their end), `history/` (the database), `api/` (the answers), `page/` (the
page's files). Kafka is handed over as `feed.Topics`: the worker's room has it, and cli and demo put the two together.
Called by: cli, demo.
May import: feed, processor, telemetry, settings, codec, domain, errors; sqlalchemy, aiohttp, pydantic. Neither worker nor a Kafka client.
Start at: serve.py.
"""
