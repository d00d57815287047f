"""SQLite and PostgreSQL: how a database is opened, what its tables are, how its schema grows and how it is moved."""
