east# true
weast# true
