"""The database: every table, every statement and every migration. SQL lives nowhere else."""
