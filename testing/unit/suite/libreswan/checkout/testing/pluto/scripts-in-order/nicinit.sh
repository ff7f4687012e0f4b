# the network first
echo nic
