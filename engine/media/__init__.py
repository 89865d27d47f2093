"""Frames in, frames out: exact, streaming, at the source's bit depth."""
