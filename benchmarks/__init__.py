"""Benchmarks of the decision core and of the service; run them with `./run bench`."""
