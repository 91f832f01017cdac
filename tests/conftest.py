"""Its place puts tests/ on the import path, so that a test of any room can use `factories`."""
