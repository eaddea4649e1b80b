"""Http: providers."""
