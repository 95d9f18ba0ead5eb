"""What nets cost in training and inference: time, memory, operations."""
