"""Benches of designs behind buses, which hold the rules of the bus as well."""
