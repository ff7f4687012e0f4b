echo west init
