"""What is believed: Gaussian processes, and whether they are to be believed."""
