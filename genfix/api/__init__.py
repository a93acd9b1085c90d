"""The verbs of genfix as functions. The command line does nothing that these do not.

Two modules, so that `check`, which runs most, pays for neither planner nor applier.
"""
