"""What crosses a boundary: inputs, updates, signals and results; ids; search attributes."""
