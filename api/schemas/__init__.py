"""What goes over the wire: bodies that are asked for and answers that are given."""
