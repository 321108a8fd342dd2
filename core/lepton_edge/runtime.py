"""Scores rows with a verified bundle: one thread, finite input, the provider that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from lepton_edge.bundle import FORECAST, MODEL, RECOMMEND, Manifest, Opened, open_bundle
from lepton_edge.errors import BundleError, ProviderError, RowError

CPU: Final = "CPUExecutionProvider"
BATCH: Final = 8192
"""Rows of one call of the model, so that memory stays bounded."""


@dataclass(frozen=True)
class Scores:
    """score: probability, float64 (rows,); decision: 0 or 1, int64 (rows,)."""

    score: np.ndarray
    decision: np.ndarray


class Runtime:
    """A bundle ready to score.

    provider: execution provider that must be there; with `allow_fallback` the CPU may stand
    in for it, and `provider` of the runtime then says so.
    """

    def __init__(
        self, bundle: Path | Opened, *, provider: str = CPU, allow_fallback: bool = False
    ) -> None:
        opened = bundle if isinstance(bundle, Opened) else open_bundle(Path(bundle))
        if FORECAST in opened.manifest.content:
            raise BundleError(
                "LK654",
                where=str(opened.path),
                found="a bundle of forecasts, which scores no rows",
                remedy="use `forecast` or `stream` with it",
            )
        if RECOMMEND in opened.manifest.content:
            raise BundleError(
                "LK654",
                where=str(opened.path),
                found="a bundle of recommendations, which scores no rows",
                remedy="use `recommend` with it",
            )
        self.path: Path = opened.path
        self.manifest: Manifest = opened.manifest
        self._session = session(
            opened.model, str(opened.path / MODEL), provider, allow_fallback=allow_fallback
        )
        self.provider: str = self._session.get_providers()[0]
        self._same_shapes()

    def score(self, numeric: np.ndarray, categorical: np.ndarray | None = None) -> Scores:
        """Score and decision of every row.

        numeric: (rows, features) in the manifest's order, NaN where missing, never infinite;
        categorical: text (rows, features), "" where missing; None where the model has none.
        Raises RowError LK281 on a wrong shape or type, LK282 on infinite numbers, LK283 on
        what is no text.
        """
        numbers, texts = self._checked(numeric, categorical)
        starts = range(0, len(numbers), BATCH)
        parts = [self._run(numbers[at : at + BATCH], texts[at : at + BATCH]) for at in starts]
        if not parts:
            return Scores(np.empty(0), np.empty(0, dtype=np.int64))
        return Scores(*(np.concatenate(side) for side in zip(*parts, strict=True)))

    def _run(self, numbers: np.ndarray, texts: np.ndarray) -> list[np.ndarray]:
        feed: dict[str, np.ndarray] = {}
        if self.manifest.numeric:
            feed["numeric"] = numbers
        if self.manifest.categorical:
            feed["categorical"] = texts
        return list(self._session.run(["score", "decision"], feed))

    def _checked(
        self, numeric: np.ndarray, categorical: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        numbers = self._numbers(numeric)
        if categorical is None:
            categorical = np.empty((len(numbers), 0), dtype=object)
        texts = self._texts(categorical)
        if len(numbers) != len(texts):
            raise _shape("rows", f"{len(numbers):,} numeric and {len(texts):,} categorical rows")
        return numbers, texts

    def _numbers(self, numeric: np.ndarray) -> np.ndarray:
        given = np.asarray(numeric)
        _two_columns_of("numeric", given, len(self.manifest.numeric))
        if given.dtype.kind not in "fiub":
            raise _shape("numeric", f"values of type {given.dtype}, where numbers are expected")
        numbers = np.ascontiguousarray(given, dtype=np.float64)
        infinite = np.argwhere(np.isinf(numbers))
        if len(infinite):
            row, column = infinite[0]
            raise RowError(
                "LK282",
                where=f"row {row}, field '{self.manifest.numeric[column]}'",
                found=f"{numbers[row, column]} ({len(infinite):,} infinite values in all)",
                remedy="send a finite number, or leave the value out where it is not known",
            )
        return numbers

    def _texts(self, categorical: np.ndarray) -> np.ndarray:
        texts = np.asarray(categorical, dtype=object)
        _two_columns_of("categorical", texts, len(self.manifest.categorical))
        if not _all_text(texts.ravel().tolist()):
            self._refuse_texts(texts)
        return texts

    def _refuse_texts(self, texts: np.ndarray) -> None:
        for (row, column), text in np.ndenumerate(texts):
            if not _all_text([text]):
                raise RowError(
                    "LK283",
                    where=f"row {row}, field '{self.manifest.categorical[column]}'",
                    found=f"{text!r:.60} is not text",
                    remedy='send text, "" where it is missing',
                )

    def _same_shapes(self) -> None:
        wanted = {"numeric": len(self.manifest.numeric)}
        wanted["categorical"] = len(self.manifest.categorical)
        found = {node.name: node.shape[1] for node in self._session.get_inputs()}
        if found != {name: width for name, width in wanted.items() if width}:
            raise BundleError(
                "LK609",
                where=str(self.path / MODEL),
                found=f"inputs {found}, where the manifest names {wanted}",
                remedy="export the model again with `lepton run`",
            )


def _resolve(provider: str, *, allow_fallback: bool) -> list[str]:
    import onnxruntime as ort

    available = ort.get_available_providers()
    if provider in available:
        return [provider] if provider == CPU else [provider, CPU]
    if not allow_fallback:
        raise _absent(provider, available)
    return [CPU]


def session(content: bytes, where: str, provider: str, *, allow_fallback: bool = False) -> Any:
    """An ONNX file ready to run in one thread on the provider that was asked for.

    Raises ProviderError LK991 where that is not there and the CPU may not stand in, BundleError
    LK610 where the file cannot be loaded.
    """
    import onnxruntime as ort

    providers = _resolve(provider, allow_fallback=allow_fallback)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        made = ort.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime's own classes share no base but this
        raise BundleError(
            "LK610",
            where=where,
            found=f"onnxruntime {ort.__version__} cannot load it: {str(error)[:200]}",
            remedy="install onnxruntime 1.24 or newer on this device",
        ) from error
    used = made.get_providers()[0]
    if used != provider and not allow_fallback:
        raise _absent(provider, [used])
    return made


def _absent(provider: str, available: list[str]) -> ProviderError:
    return ProviderError(
        "LK991",
        where=f"execution provider {provider}",
        found=f"not on this machine, which has {', '.join(available)}",
        remedy="install it, ask for another one, or allow the fallback to the CPU",
    )


def _two_columns_of(side: str, given: np.ndarray, width: int) -> None:
    if given.ndim != 2 or given.shape[1] != width:
        raise _shape(side, f"shape {given.shape}, where (rows, {width}) is expected")


def _shape(side: str, found: str) -> RowError:
    remedy = "send the features that the manifest names, in its order"
    return RowError("LK281", where=side, found=found, remedy=remedy)


def _all_text(values: list[object]) -> bool:
    """Whether all are str that UTF-8 can carry, without NUL, which ends a text in C."""
    try:
        return b"\0" not in "".join(values).encode()  # type: ignore[arg-type]
    except (TypeError, UnicodeEncodeError):
        return False


__all__ = ["CPU", "Runtime", "Scores", "session"]
