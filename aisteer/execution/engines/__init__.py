"""Engines that execute attempts for us: Parsl, Dask, and any Executor that a user hands over."""
