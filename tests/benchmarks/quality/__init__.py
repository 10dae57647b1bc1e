"""How good the neighbours of a recipe are, beside other libraries on the same pairs."""
