"""The localhost service between image editors and the propagation engine, and the `videoshop` command."""
