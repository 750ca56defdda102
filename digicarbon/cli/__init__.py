"""The command line: each verb, its arguments and its output."""
