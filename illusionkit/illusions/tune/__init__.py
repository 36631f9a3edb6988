"""Illusions that are bred while a model is fine-tuned."""
