# Only the file's name counts: linux is a platform.
