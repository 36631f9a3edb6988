"""Illusions of the step applications: one module an experiment, several of them to a page."""
