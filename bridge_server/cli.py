"""The `videoshop` command."""


def main() -> None:
    """Run the command line."""
