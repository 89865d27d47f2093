"""What the commands tell the person, on stderr; stdout is for results.

rich takes 3 MB: it is imported when a person is to see something, which the service spares.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def say(text: str) -> None:
    """Print a line, in which rich's markup counts: pass what comes from elsewhere through `plain`."""
    from rich.console import Console

    Console(stderr=True, soft_wrap=True, highlight=False).print(text)


def complain(message: str, hint: str) -> None:
    """Print what is wrong and what to do, a line each."""
    say(f"[bold red]Error:[/] {plain(message)}")
    say(f"[dim]Hint:[/] {plain(hint)}")


def plain(text: str) -> str:
    """The text on one line, without markup."""
    return " ".join(text.replace("[", r"\[").split())


def progress(*columns: "ProgressColumn") -> "Progress":
    """Bars of these columns, shown on a terminal only and gone afterwards."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
