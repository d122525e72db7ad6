"""The history database: every change with its proof, and where each customer stands; SQLite by default, PostgreSQL by URL.

Owns: tables.py (what is kept), migrations.py (versions of it), database.py (connections), records.py (what a record says),
filling.py (records into rows, with the positions in the same transaction), batch.py (what one transaction changes),
and the questions: customers.py, changes.py, shops.py.
Called by: web.
May import: codec, domain, errors; sqlalchemy.
Start at: tables.py, then filling.py.
"""
