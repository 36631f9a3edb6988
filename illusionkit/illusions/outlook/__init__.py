"""Illusions of the step outlook."""
