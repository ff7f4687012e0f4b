east# true
