"""Illusions that are bred where numbers are made: tests used again, scores that say too much."""
