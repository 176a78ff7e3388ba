"""The parts of check-web."""
