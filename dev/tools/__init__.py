"""The programs that write the project's generated files, and check that they are as the code says."""
