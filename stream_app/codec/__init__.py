"""Bytes <-> values: events in, changes out, states, policies, dead letters. No I/O but reading a policy file.

Owns: the wire formats of contract.md: CloudEvents, the state encoding, the policy document, dead letters, JSON Schemas.
Called by: processor, replay, worker, web, demo, cli.
May import: domain, errors; msgspec, pydantic, yaml.
Start at: events.py (`decode_record`), then policy/compile.py (`compile_policy`).
"""
