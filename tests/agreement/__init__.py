"""The product's replay against the oracle, change by change.

Owns: running `stream-app replay` as a program and saying in plain lines where it and the oracle differ.
May import: tests.oracle; nothing of `stream_app`, which is only run.
Start at: `compare.py`.
"""
