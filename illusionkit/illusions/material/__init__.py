"""What several illusions are made of: data as they use them, judges, searches; no experiment."""
