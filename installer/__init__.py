"""Builds what is installed: the frozen app, the panels, and a package for each system. It starts with `build.py`."""
