"""Streams: the elastic register, pipelines of named points, and beats of other widths."""
