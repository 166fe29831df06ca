"""The program dbaudit as a Python package: `dbaudit` on the path, or `python -m dbaudit`."""
