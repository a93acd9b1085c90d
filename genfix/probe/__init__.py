"""The behaviour test: prompts are put to a running model, and its answers are measured.

Nothing here prints, and nothing of a model folder is run in this process: a server is asked over HTTP
(`genfix.probe.server`), a folder is run by its engine in a child process (`genfix.probe.local_engine`).
"""
