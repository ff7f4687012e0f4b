   echo east init   

	# an indented comment
