"""Experiments: each a module with `run(options, on_progress)`, which returns a `Document`."""
