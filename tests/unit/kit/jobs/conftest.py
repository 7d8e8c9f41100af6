"""The tables of jobs are in the database of each test."""

import kit.jobs.tables  # noqa: F401 - declares the tables
