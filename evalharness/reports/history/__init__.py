"""The history of a suite in words and pictures: a file a format, all of the same `History`."""
