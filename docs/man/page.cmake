# Makes a manual page: fills PAGE.in with what PROGRAM says of itself when it is asked by WORDS, if there are any.
set(OPTIONS "")
if(WORDS)
  separate_arguments(WORDS)
  execute_process(COMMAND ${PROGRAM} ${WORDS} OUTPUT_VARIABLE OPTIONS COMMAND_ERROR_IS_FATAL ANY)
endif()
configure_file(${IN} ${OUT} @ONLY)
execute_process(COMMAND ${GZIP} -9kfn ${OUT} COMMAND_ERROR_IS_FATAL ANY)
