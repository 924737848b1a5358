"""Inference: how an agent changes its own internal state, given what it observes."""

from interaction.inference.engine import CascadedInferenceEngine, DualInferenceEngine, InferenceEngine

__all__ = ["CascadedInferenceEngine", "DualInferenceEngine", "InferenceEngine"]
