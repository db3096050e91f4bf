"""Bringing over what the OCaml Mollymawk stored: people, their tokens, instances, and policies."""
