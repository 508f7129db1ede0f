"""Runs at Globus Compute endpoints. Nothing else of the project speaks to Globus."""
