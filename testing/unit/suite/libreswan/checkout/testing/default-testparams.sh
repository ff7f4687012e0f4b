REF_CONSOLE_FIXUPS="prompt.sed numbers.sed"
