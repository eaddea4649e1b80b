"""Http: api."""
