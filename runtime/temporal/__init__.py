"""How every process of ours speaks to Temporal: one plugin, one way to connect, one worker form."""
