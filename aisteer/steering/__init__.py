"""What to do next: policies, the rules that may decide for a human, and the ledger of decisions."""
