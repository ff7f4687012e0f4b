#!/bin/sh
# The end of every test of several.
echo "post-mortem of $(hostname) in $(pwd)"
