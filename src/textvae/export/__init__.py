"""A trained model as ONNX graphs, and such graphs behind the codec."""
