"""Fused nets as files of ONNX and torch.export, checked before written."""
