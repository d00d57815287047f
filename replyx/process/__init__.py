"""The program as a process: sockets it listens on, workers, logs, metrics, requests under way."""
