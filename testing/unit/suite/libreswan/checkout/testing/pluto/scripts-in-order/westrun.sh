echo west run
