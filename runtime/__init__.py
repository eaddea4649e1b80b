"""What every process needs: settings, Temporal, database pool, logging, metrics, local stack."""
