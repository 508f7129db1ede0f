"""The web service of Globus Compute, emulated: the requests that SDK and agent make, with the documented limits."""
