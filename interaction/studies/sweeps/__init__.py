"""Sweeps: grids of bundles × episodes, cut into chunks that any process plays to the same bytes."""
