echo nobody: no word of the name is a guest
