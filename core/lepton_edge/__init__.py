"""The runtime that travels with a bundle: standard library, numpy and onnxruntime, nothing else."""
