"""Shells: a design with other ports, clock or reset, and the AXI buses."""
