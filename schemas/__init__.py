"""Shapes: what crosses a stage, a wire or a disk. Imports nothing of ours."""
