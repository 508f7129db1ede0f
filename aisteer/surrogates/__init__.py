"""What is believed: Gaussian processes, deep ensembles, regressors of others, and whether they are to be believed."""
