"""evalharness."""
