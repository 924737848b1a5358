"""Tasks: one module for each domain."""
