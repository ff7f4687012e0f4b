# Writes HEADER: the bytes of PROGRAM as an array, for engine/clean_state.cpp.
file(READ ${PROGRAM} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${HEADER} "#pragma once\n\nnamespace kvmtest::engine {\ninline constexpr unsigned char renew_program[] = {${bytes}};\n}\n")
