"""Signed webhooks out: what is published, to the endpoints of a file, in order per customer.

Owns: the endpoint file, the bodies it asks for, signatures, the retry schedule, the checked connection, the process.
Called by: cli.
May import: worker/cluster, worker/topics, telemetry, settings, codec, domain, errors; aiokafka, aiohttp.
Start at: `queue.py` (which event goes when; pure), `courier.py` (one endpoint on Kafka and HTTP), `run.py` (the process).
"""
