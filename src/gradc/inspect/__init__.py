"""Looking at what gradc does: the dynamic graph, and eager next to compiled."""
