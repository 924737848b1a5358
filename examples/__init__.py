"""Runnable examples: one short script for each result."""
