"""What makes the files that are kept beside the code: run by hand, checked by the tests."""
