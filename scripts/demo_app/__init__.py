"""The demo: a broker, the four flows, a town that lives and answers, and a view of it all."""
