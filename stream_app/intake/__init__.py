"""Any table or log of a shop -> CloudEvents, by a mapping that says which column is what.

Owns: document.py (the mapping, as YAML), survey.py and draft.py (a first mapping for
columns nobody has seen), rows.py (CSV, Parquet, JSON and JSON Lines as rows), values.py (money, times, paths),
shape.py (rows into events), run.py (files into a file), mappings/ (ready ones).
Called by: cli (`mapping init`; `publish`, `replay`, `calibrate`, all with `--mapping`).
May import: codec, domain, errors; pydantic, yaml, pyarrow.
Start at: shape.py.
"""
