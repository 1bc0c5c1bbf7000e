"""The hottest modules compiled by mypyc, where a C compiler is: the same source, the same bytes, less time."""
