"""The `steady` command."""
