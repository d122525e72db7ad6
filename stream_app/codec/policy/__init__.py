"""The shop's policy: the document of contract.md, what is wrong with it in words, and the compiled thresholds.

Owns: the policy document, its messages, its hash, its calendar; in starters/ the documents to start from.
Called by: cli (policy commands), worker (the `policies` topic), replay, demo.
May import: domain, errors; pydantic, yaml.
Start at: document.py for the fields, compile.py for the way from bytes to `Policy`.
"""

from stream_app.codec.policy.compile import (
    DEFAULT_KEY,
    compile_policy,
    encode_policy_document,
    load_policy_file,
    policy_key,
    read_policy,
    read_policy_document,
    show_policy,
)
from stream_app.codec.policy.document import PolicyDocument
from stream_app.codec.policy.starters import write_policy

TEMPLATE = write_policy()

__all__ = [
    "DEFAULT_KEY",
    "TEMPLATE",
    "PolicyDocument",
    "compile_policy",
    "encode_policy_document",
    "load_policy_file",
    "policy_key",
    "read_policy",
    "read_policy_document",
    "show_policy",
    "write_policy",
]
