"""What every test runs under."""

from evalharness.tiny.alone import load_numpy

# Before any test file imports it: with a worker a core, a second thread in each only waits.
load_numpy()
