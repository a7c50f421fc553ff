"""The suite's share of the ECS API as its functions keep it together: turns in the ledger, and one budget a process."""
