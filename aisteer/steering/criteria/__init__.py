"""What makes a point worth a run, for each kind of goal: for the search, and taken apart for the reader."""
