"""The `claims` command."""
