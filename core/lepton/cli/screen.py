"""What is printed: results to stdout, all else to stderr, nothing that could steer a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lepton.errors import LeptonError
    from lepton_edge.errors import EdgeError


def clean(text: str) -> str:
    """`text` with control characters but newline written out, so that data cannot move a cursor."""
    return "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text)


def say(text: str = "") -> None:
    """A line of the result."""
    typer.echo(clean(text))


def note(text: str) -> None:
    """A line beside the result."""
    typer.secho(clean(text), err=True, dim=True)


def told(name: str, value: object) -> None:
    """A named fact, values in one column."""
    typer.echo(f"{clean(name):<12}  {clean(str(value))}")


def fault(error: LeptonError | EdgeError | str) -> None:
    """An error, in red where the terminal has colours."""
    typer.secho(clean(str(error)), err=True, fg="red")


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int = 1
) -> None:
    """A table, the first `n_left` columns to the left and the others to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(clean(title)), box=box.SIMPLE, title_justify="left", pad_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(Text(clean(column)), justify="left" if number < n_left else "right")
    for row in rows:
        drawn.add_row(*(Text(clean(cell)) for cell in row))
    Console(soft_wrap=False).print(drawn)


def number(value: object) -> str:
    """A number to four significant digits, `-` for none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "-" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
