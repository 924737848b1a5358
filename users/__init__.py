"""Simulated users: one module for each domain."""
