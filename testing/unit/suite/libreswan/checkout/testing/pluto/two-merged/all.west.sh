west# true
