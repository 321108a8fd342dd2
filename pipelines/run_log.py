"""Dagster's log of a run as a file in the run's folder, instead of on the terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

KEY = "run_log"


@dg.logger(config_schema={"path": str}, description="The run's log as a file")
def run_log(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that appends to the file at the configured path."""
    path = Path(context.logger_config["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.Logger(f"{KEY}.{context.run_id}", level=logging.DEBUG)
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    _OPEN.append(handler)
    return logger


_OPEN: list[logging.Handler] = []


@contextmanager
def quiet_terminal() -> Iterator[None]:
    """Lets Dagster say only warnings on the terminal, and closes the run's files at the end."""
    dagster = logging.getLogger("dagster")
    before = dagster.level
    dagster.setLevel(logging.ERROR)
    try:
        yield
    finally:
        dagster.setLevel(before)
        while _OPEN:
            _OPEN.pop().close()
