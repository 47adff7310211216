"""Speed and memory against floors of the same run, as ratios: `make bench`, or `python -m benchmarks NAME...`."""
