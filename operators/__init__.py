"""Logic: values in, values out. `operators.decide` is the whole way of one event; read it first."""
