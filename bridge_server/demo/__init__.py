"""The demo: bundled clips with an edit painted on one frame of each."""
