"""What a version wrote for stored events, so that later versions write the same or say why not.

`VERSION/NAME/` has a policy, events, and every outgoing event and profile as that version wrote them; `VERSION/meaning.json` what states
and events meant to it. States as they were written are in `tests/fixtures/state-v*`. A folder of a released version is never written
again: where today's output differs on purpose, `now.jsonl` has today's beside it, and `differs.md` says why.
Start at: `record.py`, which writes the folder of the present version.
"""
