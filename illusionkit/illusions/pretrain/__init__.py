"""Illusions that are bred while a model is pre-trained."""
