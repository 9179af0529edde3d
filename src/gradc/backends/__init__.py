"""Graphs as Python source over an array namespace, and that source as functions."""
