"""What can be exported: typed nodes and the ONNX graph they become."""
