"""What the processes have done: calls to third parties and writes to the database, each once."""
