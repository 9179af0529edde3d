"""`gradc.compile`: tracing with state, guards, and the cache of what was compiled."""
