"""The command line: each verb, the words that it takes and what it prints."""
