# Only the file's name counts: netbsd is a platform.
