"""The runtime that travels with a bundle: standard library, numpy and onnxruntime, nothing else.

Before anything else of it is imported it holds its own files against the bundle's manifest.
"""

from pathlib import Path

from lepton_edge.seal import refuse_damaged_runtime

refuse_damaged_runtime(Path(__file__).parent)
