"""The tests; a package, so that it is found before the tests that other distributions install under this name."""
