"""Entry points for people: the files without an ending are commands, the packages hold their code."""
