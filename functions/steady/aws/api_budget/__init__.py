"""The suite's share of the ECS API: its turns in the ledger, and one budget for each process."""
