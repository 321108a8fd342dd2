"""Where values between the steps live: written aside, then switched to; never a pickle."""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import dagster as dg

from lepton.errors import MachineError
from lepton_edge import atomic

_MOST_KEPT = 4
_kept: OrderedDict[Path, Any] = OrderedDict()
"""The values of this process that were used last, by their folder: the steps after one mostly run
in it, and reading a table again costs as much as computing its features. They are shared: a stage
does not change what it is given."""


class StageStore(dg.ConfigurableIOManager):
    """Keeps the latest value of each asset as <root>/<asset>/, in files that cannot run code.

    root: folder of one solution's values. A reader finds the old value or the new one.
    """

    root: str

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write `obj` beside the value before it, then switch to it."""
        from lepton import stored

        target = self._target(context)
        with atomic.replace_directory(target) as folder:
            stored.save(obj, folder / "value")
            kind = json.dumps({"kind": stored.kind(obj), "run_id": context.run_id})
            (folder / "value.json").write_text(kind + "\n", encoding="utf-8")
        _keep(atomic.resolve(target), obj)
        context.add_output_metadata({"stored_at": dg.MetadataValue.path(str(target))})

    def load_input(self, context: dg.InputContext) -> Any:
        """The value that was written last; raises MachineError LK941 where there is none."""
        from lepton import stored

        target = self._target(context)
        try:
            folder = atomic.resolve(target)
            kind = json.loads((folder / "value.json").read_text(encoding="utf-8"))["kind"]
        except (OSError, ValueError, KeyError) as error:
            raise MachineError(
                "LK941",
                where=str(target),
                found=f"no complete value of {context.asset_key.to_user_string()}: {error}",
                remedy="materialize this asset again",
            ) from error
        if folder not in _kept:
            _keep(folder, stored.load(kind, folder / "value"))
        _kept.move_to_end(folder)
        return _kept[folder]

    def _target(self, context: dg.InputContext | dg.OutputContext) -> Path:
        return Path(self.root) / context.asset_key.path[-1]


def _keep(folder: Path, value: Any) -> None:
    """Let the value in `folder`, which is never written twice, be the newest of those kept."""
    _kept[folder] = value
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)


class ScoresStore(dg.ConfigurableIOManager):
    """Keeps scored rows as <root>/<asset>/<partition>.parquet, latest.parquet where there are no
    partitions; a second run replaces the first."""

    root: str

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Replace the partition's file with the frame `obj`."""
        from lepton import frames

        path = self._path(context)
        frames.write_parquet(obj, path)
        context.add_output_metadata({"stored_at": dg.MetadataValue.path(str(path))})

    def load_input(self, context: dg.InputContext) -> Any:
        """The partition's frame; raises DataError where it cannot be read."""
        from lepton import frames

        return frames.read_parquet(self._path(context))

    def _path(self, context: dg.InputContext | dg.OutputContext) -> Path:
        name = context.partition_key if context.has_partition_key else "latest"
        return Path(self.root) / context.asset_key.path[-1] / f"{name}.parquet"
