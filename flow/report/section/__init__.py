"""The sections of the report: each makes tables and figures as plain data."""
