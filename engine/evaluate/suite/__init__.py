"""The built-in set of edits: real clips, and scenes whose true edit is known everywhere."""
