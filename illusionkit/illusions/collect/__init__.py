"""Illusions that are bred while data are collected."""
