"""Illusions of three fields, on their own data: credit among them."""
