"""Any table or log of a shop -> CloudEvents, by a mapping that says which column is what.

Owns: document.py (the mapping, as YAML), rows.py (CSV, Parquet, JSON and JSON Lines as rows), values.py (money, times, paths),
shape.py (rows into events), run.py (files into a file), mappings/ (ready ones).
Called by: cli (`publish`, `replay`, `calibrate`, all with `--mapping`).
May import: codec, domain, errors; pydantic, yaml, pyarrow.
Start at: shape.py.
"""
