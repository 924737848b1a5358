"""Assistants: one module for each domain or technique."""
