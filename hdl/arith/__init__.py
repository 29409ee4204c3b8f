"""Arithmetic that several rooms use: adders, shifters, multipliers, the rounder of results."""
