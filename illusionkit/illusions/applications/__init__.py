"""Illusions of the step applications."""
