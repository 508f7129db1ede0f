"""Training a committee: labelled frames in, models that deepmd-kit runs out."""
