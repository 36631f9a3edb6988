"""Illusions of measuring itself: a model judged by what it was fitted to."""
