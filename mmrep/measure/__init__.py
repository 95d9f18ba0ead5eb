"""What training costs: time, memory, numbers of operations."""
