"""How the project proves itself: benchmarks, conformance, reliability, and the tools that write generated
files.
"""
