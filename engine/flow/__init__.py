"""The `flow` method: an edit carried by dense motion. CPU only, no weights."""
