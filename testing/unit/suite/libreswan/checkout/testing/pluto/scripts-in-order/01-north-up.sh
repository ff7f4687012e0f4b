echo north
