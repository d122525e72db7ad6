"""A report in one HTML file that needs no network: text, tables, and plots as SVG.

Owns: page.py (the file, its parts, its looks), charts.py (the plots).
Called by: replay.calibrate, replay.compare.
May import: nothing of the product.
Start at: page.py.
"""
