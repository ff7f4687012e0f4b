echo nobody
