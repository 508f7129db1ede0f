"""What is shown: pure functions from the state of a campaign to JSON. No UI is imported here."""
