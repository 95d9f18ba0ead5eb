"""What depends on private parts of PyTorch and the hosts, or changes them."""
