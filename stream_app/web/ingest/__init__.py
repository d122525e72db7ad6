"""Events in over HTTP: CloudEvents, Segment's calls, the webhooks of Shopify and WooCommerce.

Owns: app.py (paths, the order of checks), body.py (reading, and room for it), keys.py (who may write for which shop), events.py,
segment.py and webhooks.py (the forms), found.py (what a request holds, and how it is refused), openapi.py, process.py (the process),
wire.py (what aiohttp itself would say).
Where accepted events go is handed over as `feed.Log`: the worker's room has it, and the command puts the two together.
Called by: cli (`ingest`).
May import: web.api (problems, rates), feed, telemetry, settings, intake, codec, domain, errors; aiohttp, pydantic, yaml.
Start at: app.py.
"""
